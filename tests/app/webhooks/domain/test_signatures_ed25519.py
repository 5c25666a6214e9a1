"""`v1a`: Ed25519 over the same content as `v1`."""

import base64
import time

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook
from svix.webhooks import WebhookVerificationError

from app.webhooks.domain.signing.signatures import BadSignature, delivery_headers, verify
from app.webhooks.domain.signing.signing_key import generate_private_key, private_key, public_key, verifying_key
from app.webhooks.domain.signing.signing_secret import generate_secret, secret_key

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
            digest="ab12",
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


def test_public_keys_verify_what_one_of_their_private_keys_signed() -> None:
    now, old, new = 1_700_000_000, generate_private_key(), generate_private_key()
    headers = headers_of([], [new, old], now)

    for key in (old, new):
        verify([], headers, BODY, now=now, public_keys=[verifying_key(public_key(key))])
    for body, key in ((BODY + b" ", old), (BODY, generate_private_key())):
        with pytest.raises(BadSignature, match="v1a"):
            verify([], headers, body, now=now, public_keys=[verifying_key(public_key(key))])


def test_public_key_does_not_stand_in_for_a_shared_one() -> None:
    now, secret, key = 1_700_000_000, generate_secret(), generate_private_key()
    public = [verifying_key(public_key(key))]

    verify([secret_key(secret)], headers_of([secret], [key], now), BODY, now=now, public_keys=public)
    with pytest.raises(BadSignature, match="no signature"):
        verify([secret_key(generate_secret())], headers_of([secret], [key], now), BODY, now=now, public_keys=public)
    with pytest.raises(BadSignature, match="v1a"):
        verify([secret_key(secret)], headers_of([secret], [], now), BODY, now=now, public_keys=public)


@pytest.mark.parametrize(
    "text",
    ["", "whpk_", "whpk_!!!!", "whpk_AAAA", generate_secret(), generate_private_key()],
    ids=["empty", "prefix", "no base64", "too short", "a shared secret", "a private key"],
)
def test_what_is_no_public_key_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="a public key"):
        verifying_key(text)
