"""What goes out: the body, the same at every attempt, and the headers around it."""

import secrets
from dataclasses import dataclass
from datetime import datetime

import httpx
import orjson

from app import __version__
from app.db.deliveries import DueEvent
from app.domain.secret_ring import SignatureScheme
from app.domain.signing_key import private_key
from app.domain.signing_secret import secret_key
from app.errors import PreSendError, TellgraphError
from app.secrets import box_of
from app.services.webhook_secrets import signing_ring
from app.services.webhooks import HEADERS
from app.settings import Settings
from schema import global_ids
from workers import signing

USER_AGENT = f"Tellgraph/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A claimed event as it goes out: all that can fail before the POST has been done."""

    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes


def prepare(due: DueEvent, settings: Settings, *, now: datetime) -> Prepared:
    """Decrypt, build and sign. Raises PreSendError."""
    try:
        box = box_of(settings)
        own = box.open(due.headers, purpose=HEADERS) if due.headers else {}
        ring = signing_ring(due.secrets, box, now)
    except TellgraphError as error:
        raise PreSendError(error.message) from error
    event_id = global_ids.encode("WebhookEvent", due.id)
    body = envelope(due, event_id)
    headers = signing.delivery_headers(
        event_id=event_id,
        timestamp=int(now.timestamp()),
        body=body,
        keys=[secret_key(one.text) for one in ring if one.scheme is SignatureScheme.HMAC],
        private_keys=[private_key(one.text) for one in ring if one.scheme is SignatureScheme.ED25519],
        user_agent=USER_AGENT,
        sequence=due.id,
        attempt=due.attempt,
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        own=list(own.items()),
    )
    return Prepared(url=httpx.URL(due.url), headers=headers, body=body)


def envelope(due: DueEvent, event_id: str) -> bytes:
    """The body: the same bytes at every attempt of an event."""
    return orjson.dumps(
        {
            "id": event_id,
            "event_name": due.event_name,
            "type": f"{due.type.lower()}.{due.event_name}",
            "timestamp": due.changed_at,
            "sequence": due.id,
            "entity": {"type": due.entity_type, "id": global_ids.encode(due.entity_type, due.entity_id)},
            "changed": due.changed,
            "payload": orjson.Fragment(due.body),
        },
        option=orjson.OPT_UTC_Z,
    )
