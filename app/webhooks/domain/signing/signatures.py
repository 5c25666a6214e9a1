"""Signatures and headers of a delivery, by the Standard Webhooks specification. Pure.

Source: the Standard Webhooks specification, "Signature scheme" and "Verifying signatures".
"""

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
IDEMPOTENCY_HEADER: Final = "Idempotency-Key"
SEQUENCE_HEADER: Final = "Tellgraph-Sequence"
ATTEMPT_HEADER: Final = "Tellgraph-Attempt"
DIGEST_HEADER: Final = "Tellgraph-Digest"
TRACE_HEADER: Final = "traceparent"

_VERSION: Final = "v1"
_ED25519_VERSION: Final = "v1a"
# Without Accept and Accept-Encoding the HTTP client would send its own, and would have to decompress the answer of a
# hostile endpoint.
_CONSTANT_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
)


class BadSignature(Exception):
    """The delivery was not signed by the holder of the secret, or its timestamp is too far from now."""


def sign(
    keys: Sequence[bytes],
    *,
    event_id: str,
    timestamp: int,
    body: bytes,
    private_keys: Sequence[Ed25519PrivateKey] = (),
) -> str:
    """Sign a body: `v1,<base64>` for each key, then `v1a,<base64>` for each private one, separated by spaces.

    Args:
        keys: The HMAC keys: one, or several during a rotation. Signatures keep their order.
        event_id: The global id that is sent in the header.
        timestamp: The Unix time in seconds that is sent in the header.
        body: The bytes that are sent.
        private_keys: The Ed25519 keys, like `keys`.
    """
    content = _signed_content(event_id, str(timestamp), body)
    shared = [f"{_VERSION},{_digest(key, content)}" for key in keys]
    own = [f"{_ED25519_VERSION},{base64.b64encode(key.sign(content)).decode('ascii')}" for key in private_keys]
    return " ".join((*shared, *own))


def verify(
    keys: Sequence[bytes],
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: int,
    tolerance_s: int = 300,
    public_keys: Sequence[Ed25519PublicKey] = (),
) -> None:
    """Check that one of the keys signed this body, for this id, at about this time.

    Args:
        keys: The HMAC keys, one of which must have signed.
        headers: The headers as received, with names in any case.
        body: The body as received.
        now: Unix time in seconds.
        tolerance_s: Seconds that the timestamp may lie in the past or the future. It limits replayed requests.
        public_keys: If there are any, one of them must have signed as well (`v1a`). Without `keys` they alone count.

    Raises:
        BadSignature: The message says what is wrong.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    event_id, timestamp = _required(lower, ID_HEADER), _required(lower, TIMESTAMP_HEADER)
    _check_timestamp(timestamp, now=now, tolerance_s=tolerance_s)
    parts = _required(lower, SIGNATURE_HEADER).split()
    content = _signed_content(event_id, timestamp, body)
    expected = [hmac.digest(key, content, "sha256") for key in keys]
    given = [_decode(part, _VERSION) for part in parts]
    is_shared = any(hmac.compare_digest(ours, theirs) for ours in expected for theirs in given)
    if not is_shared and (keys or not public_keys):
        raise BadSignature("no signature matches: another secret, or a changed body")
    of_owner = [_decode(part, _ED25519_VERSION) for part in parts]
    if public_keys and not any(_is_by(key, signature, content) for key in public_keys for signature in of_owner):
        raise BadSignature("no v1a signature matches: another public key, or a changed body")


def delivery_headers(
    *,
    event_id: str,
    timestamp: int,
    body: bytes,
    keys: Sequence[bytes],
    user_agent: str,
    sequence: int,
    attempt: int,
    digest: str,
    traceparent: str | None,
    own: Sequence[tuple[str, str]] = (),
    private_keys: Sequence[Ed25519PrivateKey] = (),
) -> list[tuple[str, str]]:
    """Build all headers of one attempt except Host and Content-Length, which the transport sets.

    Args:
        event_id: The webhook event's global id, the same for all attempts.
        timestamp: Unix time of this attempt, in seconds.
        body: The bytes that are sent.
        keys: The HMAC keys, as in `sign`.
        user_agent: The User-Agent header.
        sequence: The webhook event's id: a later event has a higher one.
        attempt: The number of this attempt, from 1.
        digest: SHA-256 of the payload in hexadecimal, as `webhookDigests` shows it.
        traceparent: The W3C trace context; None when nothing is traced.
        own: The subscriber's headers, as `check_headers` accepted them; they come last.
        private_keys: The Ed25519 keys, as in `sign`.
    """
    signature = sign(keys, event_id=event_id, timestamp=timestamp, body=body, private_keys=private_keys)
    headers = [
        *_CONSTANT_HEADERS,
        ("User-Agent", user_agent),
        (ID_HEADER, event_id),
        (TIMESTAMP_HEADER, str(timestamp)),
        (SIGNATURE_HEADER, signature),
        (IDEMPOTENCY_HEADER, event_id),
        (SEQUENCE_HEADER, str(sequence)),
        (ATTEMPT_HEADER, str(attempt)),
        (DIGEST_HEADER, digest),
    ]
    if traceparent is not None:
        headers.append((TRACE_HEADER, traceparent))
    headers.extend(own)
    return headers


def _signed_content(event_id: str, timestamp: str, body: bytes) -> bytes:
    return f"{event_id}.{timestamp}.".encode() + body


def _digest(key: bytes, content: bytes) -> str:
    # hmac.digest is a single C call, a fifth faster than an HMAC object.
    return base64.b64encode(hmac.digest(key, content, "sha256")).decode("ascii")


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise BadSignature(f"the header {name} is missing")
    return value


def _check_timestamp(text: str, *, now: int, tolerance_s: int) -> None:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise BadSignature(f"the header {TIMESTAMP_HEADER} is not a time in seconds")
    age_s = now - int(text)
    if abs(age_s) > tolerance_s:
        raise BadSignature(f"the timestamp lies {abs(age_s)} s in the {'past' if age_s > 0 else 'future'}")


def _is_by(key: Ed25519PublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _decode(part: str, wanted: str) -> bytes:
    """Decode one signature. Another version, or text that is not base64, gives empty bytes, which match nothing."""
    version, _, encoded = part.partition(",")
    if version != wanted:
        return b""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return b""
