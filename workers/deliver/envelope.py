"""Build one delivery: its body, which is the same at every attempt, and the headers around it."""

import random
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

import httpx
import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app import __version__
from app.auth.secrets import SecretBox, box_of
from app.errors import AttemptError, PayloadGone, PreSendError, TellgraphError
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.endpoint import EgressRules, RefusedEndpoint, check_endpoint
from app.webhooks.domain.signing.secret_ring import Ring, SignatureScheme, SigningSecret, live
from app.webhooks.domain.signing.signing_key import private_key
from app.webhooks.domain.signing.signing_secret import secret_key
from app.webhooks.services.egress_rules import egress_rules
from app.webhooks.services.webhook_secrets import opened_ring
from app.webhooks.services.webhooks import HEADERS
from schema.entities import global_ids
from workers.deliver import signing
from workers.http.egress import Egress, Route
from workers.http.errors import MAX_MESSAGE_CHARS

USER_AGENT = f"Tellgraph/{__version__}"
#: URLs and secrets that stay checked and decrypted. Without this cache each POST would take a third longer.
_WEBHOOKS_KEPT_OPEN = 10_000


class PreparedRequest(NamedTuple):
    """A claimed event, ready to be sent. Every step that can fail before the POST has been done."""

    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes
    route: Route


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenSecrets:
    """A webhook's decrypted secrets and headers. `ring` also holds secrets that have expired since."""

    own: list[tuple[str, str]]
    ring: Ring
    keys: dict[SigningSecret, bytes]
    private_keys: dict[SigningSecret, Ed25519PrivateKey]


def prepare(due: DueEvent, settings: Settings, *, now: datetime) -> PreparedRequest:
    """Check the URL, decrypt the secrets, and build and sign the request.

    Raises:
        AttemptError: The endpoint may not be reached.
        PayloadGone: The payload has been deleted.
        PreSendError: The secrets can't be decrypted.
    """
    if not due.body:
        raise PayloadGone("The payload is not there any more.")
    url, egress = _endpoint(due.url, egress_rules(settings, due.seller_id))
    try:
        opened = _open_secrets(due.webhook_id, due.headers, due.secrets, box_of(settings))
    except TellgraphError as error:
        raise PreSendError(error.message) from error
    ring = live(opened.ring, now)
    event_id = global_ids.encode("WebhookEvent", due.id)
    body = build_body(due, event_id)
    # The trace id must be unique; it need not be unguessable.
    trace = f"{random.getrandbits(192):048x}"
    headers = signing.delivery_headers(
        event_id=event_id,
        timestamp=int(now.timestamp()),
        body=body,
        keys=[opened.keys[one] for one in ring if one in opened.keys],
        private_keys=[opened.private_keys[one] for one in ring if one in opened.private_keys],
        user_agent=USER_AGENT,
        sequence=due.id,
        attempt=due.attempt,
        traceparent=f"00-{trace[:32]}-{trace[32:]}-01",
        own=opened.own,
    )
    return PreparedRequest(url=url, headers=headers, body=body, route=Route(egress, due.seller_id))


# The URL was checked when it was saved. It is checked again, because the rules or the operator's settings may have
# become stricter since, and because a row may have been written by hand.
@lru_cache(maxsize=_WEBHOOKS_KEPT_OPEN)
def _endpoint(url: str, rules: EgressRules) -> tuple[httpx.URL, Egress]:
    try:
        endpoint = check_endpoint(url, rules)
    except RefusedEndpoint as error:
        raise AttemptError(ErrorKind.REFUSED_ADDRESS, str(error)[:MAX_MESSAGE_CHARS]) from error
    return httpx.URL(endpoint.url), Egress(rules.allowed, is_internal=endpoint.is_internal)


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
