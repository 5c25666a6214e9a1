"""`v1a`: Ed25519 over the same content as `v1`."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook
from svix.webhooks import WebhookVerificationError

from app.domain.signing_key import generate_private_key, private_key, public_key
from app.domain.signing_secret import generate_secret, secret_key
from workers.signing import delivery_headers

BODY = '{"id":"abc","größe":1}'.encode()


def headers_of(hmac_secrets: list[str], private_keys: list[str], timestamp: int) -> dict[str, str]:
    return dict(
        delivery_headers(
            event_id="abc",
            timestamp=timestamp,
            body=BODY,
            keys=[secret_key(secret) for secret in hmac_secrets],
            private_keys=[private_key(key) for key in private_keys],
            user_agent="Tellgraph/1",
            sequence=1,
            attempt=1,
            traceparent=None,
        )
    )


def test_each_private_key_signs_id_time_and_body() -> None:
    keys = [generate_private_key(), generate_private_key()]

    signatures = headers_of([], keys, 1_700_000_000)["webhook-signature"].split()

    for key, signature in zip(keys, signatures, strict=True):
        version, _, encoded = signature.partition(",")
        raw = base64.b64decode(public_key(key).removeprefix("whpk_"))
        Ed25519PublicKey.from_public_bytes(raw).verify(base64.b64decode(encoded), b"abc.1700000000." + BODY)
        assert version == "v1a"


def test_libraries_that_know_only_hmac_verify_beside_ed25519() -> None:
    old, new = generate_secret(), generate_secret()

    headers = headers_of([new, old], [generate_private_key()], int(time.time()))

    versions = [part.partition(",")[0] for part in headers["webhook-signature"].split()]
    assert versions == ["v1", "v1", "v1a"]
    for secret in (old, new):
        assert StandardWebhook(secret).verify(BODY, headers) == {"id": "abc", "größe": 1}
        SvixWebhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        SvixWebhook(generate_secret()).verify(BODY, headers)
