"""Build what one attempt hands over: the body, which is the same at every attempt, and the signed headers around it."""

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import __version__
from app.auth.secrets import SecretBox, box_of
from app.errors import PayloadGone, PreSendError, TellgraphError
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.signing import signatures
from app.webhooks.domain.signing.secret_ring import Ring, SignatureScheme, SigningSecret, live
from app.webhooks.domain.signing.signing_key import private_key
from app.webhooks.domain.signing.signing_secret import secret_key
from app.webhooks.services.webhook_secrets import opened_ring
from app.webhooks.services.webhooks import HEADERS
from schema.entities import global_ids

USER_AGENT = f"Tellgraph/{__version__}"
#: Secrets that stay decrypted. Without this cache each POST would take a third longer.
_WEBHOOKS_KEPT_OPEN = 10_000


class Envelope(NamedTuple):
    """A claimed event as its receiver gets it: the headers but Host and Content-Length, and the body that they sign."""

    headers: list[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenSecrets:
    """A webhook's decrypted secrets and headers. `ring` also holds secrets that have expired since."""

    own: list[tuple[str, str]]
    ring: Ring
    keys: dict[SigningSecret, bytes]
    private_keys: dict[SigningSecret, Ed25519PrivateKey]


def seal(due: DueEvent, settings: Settings, *, now: datetime) -> Envelope:
    """Decrypt the webhook's secrets, and build and sign an attempt.

    Raises:
        PayloadGone: The payload has been deleted.
        PreSendError: The secrets can't be decrypted.
    """
    if not due.body:
        raise PayloadGone("The payload is not there any more.")
    try:
        opened = _open_secrets(due.webhook_id, due.headers, due.secrets, box_of(settings))
    except TellgraphError as error:
        raise PreSendError(error.message) from error
    ring = live(opened.ring, now)
    event_id = global_ids.encode("WebhookEvent", due.id)
    body = build_body(due, event_id)
    # The trace id must be unique; it need not be unguessable.
    trace = f"{random.getrandbits(192):048x}"
    headers = signatures.delivery_headers(
        event_id=event_id,
        timestamp=int(now.timestamp()),
        body=body,
        keys=[opened.keys[one] for one in ring if one in opened.keys],
        private_keys=[opened.private_keys[one] for one in ring if one in opened.private_keys],
        user_agent=USER_AGENT,
        sequence=due.id,
        attempt=due.attempt,
        digest=hashlib.sha256(due.body).hexdigest(),
        traceparent=f"00-{trace[:32]}-{trace[32:]}-01",
        own=opened.own,
    )
    return Envelope(headers, body)


# The cache key has the encrypted text, so a changed or newly encrypted secret is decrypted again.
@lru_cache(maxsize=_WEBHOOKS_KEPT_OPEN)
def _open_secrets(webhook_id: WebhookId, headers: bytes | None, sealed: bytes, box: SecretBox) -> _OpenSecrets:
    own = box.open(headers, purpose=HEADERS, row=webhook_id) if headers else {}
    ring = opened_ring(webhook_id, sealed, box)
    return _OpenSecrets(
        own=list(own.items()),
        ring=ring,
        keys={one: secret_key(one.text) for one in ring if one.scheme is SignatureScheme.HMAC},
        private_keys={one: private_key(one.text) for one in ring if one.scheme is SignatureScheme.ED25519},
    )


def build_body(due: DueEvent, event_id: str) -> bytes:
    """Build the body, which has the same bytes at every attempt of an event."""
    body = {
        "id": event_id,
        "event_name": due.event_name,
        "type": f"{due.type.lower()}.{due.event_name}",
        "timestamp": due.changed_at,
        "sequence": due.id,
        "entity": {"type": due.entity_type, "id": global_ids.encode(due.entity_type, due.entity_id)},
        "changed": due.changed,
        "payload": orjson.Fragment(due.body),
    }
    if due.previous is not None:
        body["previous"] = orjson.Fragment(due.previous or b"null")
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)
