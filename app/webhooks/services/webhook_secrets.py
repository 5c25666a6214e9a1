"""What webhooks sign with: made, replaced, rotated with an overlap, dropped when that is over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database

from app.auth.secrets import SecretBox, box_of
from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.errors import Conflict, InvalidInput
from app.kernel import clock
from app.settings import Settings
from app.webhooks.db import webhooks
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain import secret_ring
from app.webhooks.domain.secret_ring import (
    DEFAULT_OVERLAP_S,
    MAX_OVERLAP_S,
    MAX_PER_SCHEME,
    Ring,
    SignatureScheme,
)
from app.webhooks.domain.signing_key import generate_private_key, public_key
from app.webhooks.domain.signing_secret import check_secret, generate_secret

SECRETS = "webhook.secrets"
"""What signing secrets are sealed for."""

_EXPIRED_PER_SWEEP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """A webhook, and the secret that was generated for it: shown this once; None when none was."""

    webhook: Webhook
    hmac_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringed:
    """columns: what to store with the webhook. hmac_key: as in `Keyed`."""

    columns: dict[str, Any]
    hmac_key: str | None


def secret_columns(
    before: Webhook | None, box: SecretBox, *, schemes: Sequence[SignatureScheme] | None, hmac_key: str | None
) -> Ringed:
    """The columns of a webhook that signs by HMAC and these schemes; nothing when neither scheme nor secret is given.

    A given secret takes the place of all former ones at once: rotating is what overlaps. What a scheme needs and
    the webhook doesn't have is generated. Raises InvalidInput.
    """
    if before is not None and schemes is None and hmac_key is None:
        return Ringed(columns={}, hmac_key=None)
    wanted = _wanted(before, schemes)
    kept = {*wanted} - ({SignatureScheme.HMAC} if hmac_key is not None else set())
    # Only where something of it is kept: a webhook whose secret can't be decrypted any more is mended by a new one.
    ring = tuple(one for one in _opened(before, box) if one.scheme in kept) if kept else ()
    missing = [scheme for scheme in wanted if secret_ring.current(ring, scheme) is None]
    fresh = {scheme: _fresh(scheme, hmac_key) for scheme in missing}
    ring = secret_ring.rotated(ring, fresh.values(), now=clock.now(), overlap_s=0)
    generated = fresh.get(SignatureScheme.HMAC) if hmac_key is None else None
    return Ringed(columns=_columns(ring, box, wanted), hmac_key=generated)


async def rotate_secret(
    database: Database,
    viewer: Viewer,
    settings: Settings,
    *,
    webhook_id: WebhookId,
    hmac_key: str | None = None,
    overlap_s: int | None = None,
) -> Keyed:
    """Sign with new secrets, and for `overlap_s` (24 h unless given) also with the ones until now.

    hmac_key  the new HMAC secret; None: it is generated, and returned.
    Raises InvalidInput; NotFound, also for another seller's; Conflict when too many still sign.
    """
    overlap_s = DEFAULT_OVERLAP_S if overlap_s is None else overlap_s
    _check(hmac_key, overlap_s)
    box, now = box_of(settings), clock.now()
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        schemes = _wanted(webhook, None)
        fresh = {scheme: _fresh(scheme, hmac_key) for scheme in schemes}
        ring = secret_ring.rotated(_opened(webhook, box), fresh.values(), now=now, overlap_s=overlap_s)
        _check_number(ring)
        updated = await webhooks.update_webhook(conn, webhook_id, _columns(ring, box, schemes))
    return Keyed(webhook=updated, hmac_key=fresh.get(SignatureScheme.HMAC) if hmac_key is None else None)


async def drop_expired(conn: Connection, settings: Settings) -> int:
    """Forget secrets that have ceased to sign. Returns of how many webhooks; at most 100 at a time."""
    expired = await webhooks.lock_with_expired_secrets(conn, limit=_EXPIRED_PER_SWEEP)
    if not expired:
        return 0
    box, now = box_of(settings), clock.now()
    for webhook in expired:
        ring = secret_ring.live(opened_ring(webhook.secrets, box), now)
        await webhooks.store_secrets(
            conn,
            webhook.id,
            secrets=box.seal(secret_ring.stored_form(ring), purpose=SECRETS),
            expire_at=secret_ring.next_expiry(ring),
        )
    return len(expired)


def opened_ring(sealed: bytes, box: SecretBox) -> Ring:
    """What a webhook signs with, also what has ceased to since. Raises InvalidInput when it can't be decrypted."""
    return secret_ring.ring_of(box.open(sealed, purpose=SECRETS))


def _wanted(before: Webhook | None, schemes: Sequence[SignatureScheme] | None) -> tuple[SignatureScheme, ...]:
    if schemes is None:
        schemes = () if before is None else before.signature_schemes
    elif not schemes:
        raise InvalidInput.at("attributes.signature_schemes", "must name at least one of HMAC, ED25519")
    # Every library of Standard Webhooks verifies `v1`, few any other: a scheme is added to it, never put in its place.
    return tuple(scheme for scheme in SignatureScheme if scheme is SignatureScheme.HMAC or scheme in schemes)


def _opened(webhook: Webhook | None, box: SecretBox) -> Ring:
    return () if webhook is None else opened_ring(webhook.secrets, box)


def _fresh(scheme: SignatureScheme, hmac_key: str | None) -> str:
    if scheme is SignatureScheme.ED25519:
        return generate_private_key()
    return hmac_key or generate_secret()


def _columns(ring: Ring, box: SecretBox, schemes: Iterable[SignatureScheme]) -> dict[str, Any]:
    signing_key = secret_ring.current(ring, SignatureScheme.ED25519)
    return {
        "secrets": box.seal(secret_ring.stored_form(ring), purpose=SECRETS),
        "secrets_expire_at": secret_ring.next_expiry(ring),
        "signature_schemes": [scheme.value for scheme in schemes],
        "public_key": None if signing_key is None else public_key(signing_key.text),
    }


def _check(hmac_key: str | None, overlap_s: int) -> None:
    problems: dict[str, list[str]] = {}
    if hmac_key is not None and (messages := check_secret(hmac_key)):
        problems["hmac_key"] = messages
    if not 0 <= overlap_s <= MAX_OVERLAP_S:
        problems["overlap_seconds"] = [f"must be from 0 to {MAX_OVERLAP_S}"]
    if problems:
        raise InvalidInput("The secret was not rotated.", fields=problems)


def _check_number(ring: Ring) -> None:
    for scheme in SignatureScheme:
        if sum(one.scheme is scheme for one in ring) > MAX_PER_SCHEME:
            raise Conflict(f"{MAX_PER_SCHEME} secrets sign already: wait until one of them has ceased to.")
