"""Make, replace and rotate the signing secrets of webhooks, and drop the expired ones."""

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
from app.webhooks.domain.signing import secret_ring
from app.webhooks.domain.signing.secret_ring import (
    DEFAULT_OVERLAP_S,
    MAX_OVERLAP_S,
    MAX_PER_SCHEME,
    Ring,
    SignatureScheme,
)
from app.webhooks.domain.signing.signing_key import generate_private_key, public_key
from app.webhooks.domain.signing.signing_secret import check_secret, generate_secret

SECRETS = "webhook.secrets"
"""The purpose for which signing secrets are encrypted."""

_EXPIRED_PER_SWEEP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookWithKey:
    """A webhook, and the secret that was generated for it, which is shown only once. None if none was generated."""

    webhook: Webhook
    hmac_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretColumns:
    """The columns to store with the webhook. `hmac_key` is that of `WebhookWithKey`."""

    columns: dict[str, Any]
    hmac_key: str | None


def secret_columns(
    webhook_id: WebhookId,
    before: Webhook | None,
    box: SecretBox,
    *,
    schemes: Sequence[SignatureScheme] | None,
    hmac_key: str | None,
    is_moved: bool = False,
) -> SecretColumns:
    """Return the columns of a webhook that signs by HMAC and these schemes. Missing secrets are generated.

    Args:
        webhook_id: The webhook that the secrets are sealed for.
        before: The webhook before; None: it is new.
        box: Encrypts the secrets.
        schemes: The schemes; None: those until now.
        hmac_key: A new secret, which replaces all former ones at once, without an overlap; None: no new one.
        is_moved: Whether the webhook has another origin now. Then no former secret signs any more: whoever receives
            there could pass the signed body on as if it came from here.

    Returns:
        No columns if the webhook exists and neither schemes nor a secret are given.

    Raises:
        InvalidInput: `schemes` is empty, or the secrets can't be decrypted.
    """
    if before is not None and schemes is None and hmac_key is None and not is_moved:
        return SecretColumns(columns={}, hmac_key=None)
    wanted = _wanted(before, schemes)
    kept = set() if is_moved else {*wanted} - ({SignatureScheme.HMAC} if hmac_key is not None else set())
    # Only where something of it is kept: a webhook whose secret can't be decrypted any more is mended by a new one.
    ring = tuple(one for one in _opened(before, box) if one.scheme in kept) if kept else ()
    missing = [scheme for scheme in wanted if secret_ring.current(ring, scheme) is None]
    fresh = {scheme: _fresh(scheme, hmac_key) for scheme in missing}
    ring = secret_ring.rotated(ring, fresh.values(), now=clock.now(), overlap_s=0)
    generated = fresh.get(SignatureScheme.HMAC) if hmac_key is None else None
    return SecretColumns(columns=_columns(webhook_id, ring, box, wanted), hmac_key=generated)


async def rotate_secret(
    database: Database,
    viewer: Viewer,
    settings: Settings,
    *,
    webhook_id: WebhookId,
    hmac_key: str | None = None,
    overlap_s: int | None = None,
) -> WebhookWithKey:
    """Rotate a webhook's secrets: sign with new ones, and during the overlap also with the old ones.

    Args:
        database: The database.
        viewer: The viewer who rotates them.
        settings: Has the secret key.
        webhook_id: The webhook.
        hmac_key: The new HMAC secret; None: it is generated and returned.
        overlap_s: Seconds for which the old ones still sign; None: 24 hours.

    Raises:
        InvalidInput: An argument is wrong.
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: Too many old secrets still sign.
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
        updated = await webhooks.update_webhook(conn, webhook_id, _columns(webhook_id, ring, box, schemes))
    return WebhookWithKey(webhook=updated, hmac_key=fresh.get(SignatureScheme.HMAC) if hmac_key is None else None)


async def drop_expired(conn: Connection, settings: Settings) -> int:
    """Delete expired secrets of at most 100 webhooks. Return the number of webhooks."""
    expired = await webhooks.lock_with_expired_secrets(conn, limit=_EXPIRED_PER_SWEEP)
    if not expired:
        return 0
    box, now = box_of(settings), clock.now()
    for webhook in expired:
        ring = secret_ring.live(opened_ring(webhook.id, webhook.secrets, box), now)
        await webhooks.store_secrets(
            conn,
            webhook.id,
            secrets=_sealed(webhook.id, ring, box),
            expire_at=secret_ring.next_expiry(ring),
        )
    return len(expired)


def opened_ring(webhook_id: WebhookId, sealed: bytes, box: SecretBox) -> Ring:
    """Decrypt a webhook's secrets, including expired ones. Raise InvalidInput if that fails."""
    return secret_ring.ring_of(box.open(sealed, purpose=SECRETS, row=webhook_id))


def _sealed(webhook_id: WebhookId, ring: Ring, box: SecretBox) -> bytes:
    return box.seal(secret_ring.stored_form(ring), purpose=SECRETS, row=webhook_id)


def _wanted(before: Webhook | None, schemes: Sequence[SignatureScheme] | None) -> tuple[SignatureScheme, ...]:
    if schemes is None:
        schemes = () if before is None else before.signature_schemes
    elif not schemes:
        raise InvalidInput.at("attributes.signature_schemes", "must name at least one of HMAC, ED25519")
    # Every library of Standard Webhooks verifies `v1`, few any other: a scheme is added to it, never put in its place.
    return tuple(scheme for scheme in SignatureScheme if scheme is SignatureScheme.HMAC or scheme in schemes)


def _opened(webhook: Webhook | None, box: SecretBox) -> Ring:
    return () if webhook is None else opened_ring(webhook.id, webhook.secrets, box)


def _fresh(scheme: SignatureScheme, hmac_key: str | None) -> str:
    if scheme is SignatureScheme.ED25519:
        return generate_private_key()
    return hmac_key or generate_secret()


def _columns(webhook_id: WebhookId, ring: Ring, box: SecretBox, schemes: Iterable[SignatureScheme]) -> dict[str, Any]:
    signing_key = secret_ring.current(ring, SignatureScheme.ED25519)
    return {
        "secrets": _sealed(webhook_id, ring, box),
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
