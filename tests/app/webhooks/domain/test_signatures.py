import base64
import time
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from app.webhooks.domain.signing.signatures import BadSignature, delivery_headers, sign, verify
from app.webhooks.domain.signing.signing_secret import generate_secret, secret_key

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
BODY = '{"id":"abc","größe":1}'.encode()
NOW = 1_700_000_000


def signed(*keys: bytes, timestamp: int = NOW) -> dict[str, str]:
    return {
        "webhook-id": "abc",
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(keys, event_id="abc", timestamp=timestamp, body=BODY),
    }


def test_signs_like_the_published_example() -> None:
    # Source: the example that the Standard Webhooks libraries share in their tests.
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    signature = sign([key], event_id="msg_p5jXN8AQM9LWM0D4loKWxJek", timestamp=1614265330, body=b'{"test": 2432232314}')

    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_signs_once_per_key() -> None:
    first, second = signed(KEY)["webhook-signature"], signed(OTHER_KEY)["webhook-signature"]

    assert signed(KEY, OTHER_KEY)["webhook-signature"] == f"{first} {second}"


def test_another_library_verifies_ours() -> None:
    old, new = generate_secret(), generate_secret()
    headers = signed(secret_key(old), secret_key(new), timestamp=int(time.time()))

    for secret in (old, new):
        assert Webhook(secret).verify(BODY, headers) == {"id": "abc", "größe": 1}
    with pytest.raises(WebhookVerificationError):
        Webhook(generate_secret()).verify(BODY, headers)


def test_verifies_another_librarys() -> None:
    secret = generate_secret()
    signature = Webhook(secret).sign("abc", datetime.fromtimestamp(NOW, UTC), BODY.decode())
    headers = {"Webhook-Id": "abc", "Webhook-Timestamp": str(NOW), "Webhook-Signature": signature}

    verify([secret_key(secret)], headers, BODY, now=NOW)
    with pytest.raises(BadSignature, match="no signature matches"):
        verify([KEY], headers, BODY, now=NOW)


@pytest.mark.parametrize("keys", [[KEY], [OTHER_KEY], [KEY, OTHER_KEY], [b"x" * 32, OTHER_KEY]])
def test_one_matching_key_is_enough(keys: list[bytes]) -> None:
    verify(keys, signed(KEY, OTHER_KEY), BODY, now=NOW)


def test_signatures_of_other_versions_are_passed_over() -> None:
    headers = signed(KEY)
    headers["webhook-signature"] = f"v1a,AAAA v1 v1,*** v2,AAAA , {headers['webhook-signature']}"

    verify([KEY], headers, BODY, now=NOW)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"webhook-id": "abd"}, "no signature matches"),
        ({"webhook-timestamp": str(NOW + 1)}, "no signature matches"),
        ({"webhook-signature": "v1,"}, "no signature matches"),
        ({"webhook-signature": "v1a,AAAA"}, "no signature matches"),
        ({"webhook-signature": "v1,ü"}, "no signature matches"),
        ({"webhook-id": ""}, "the header webhook-id is missing"),
        ({"webhook-timestamp": ""}, "the header webhook-timestamp is missing"),
        ({"webhook-signature": ""}, "the header webhook-signature is missing"),
        ({"webhook-timestamp": "now"}, "the header webhook-timestamp is not a time in seconds"),
        ({"webhook-timestamp": "-1"}, "the header webhook-timestamp is not a time in seconds"),
        ({"webhook-timestamp": "9" * 5000}, "the header webhook-timestamp is not a time in seconds"),
    ],
)
def test_changed_headers_are_refused(changed: dict[str, str], message: str) -> None:
    with pytest.raises(BadSignature, match=message):
        verify([KEY], {**signed(KEY), **changed}, BODY, now=NOW)


def test_changed_body_is_refused() -> None:
    with pytest.raises(BadSignature, match="no signature matches"):
        verify([KEY], signed(KEY), BODY + b" ", now=NOW)


def test_no_key_verifies_nothing() -> None:
    with pytest.raises(BadSignature, match="no signature matches"):
        verify([], signed(KEY), BODY, now=NOW)


def test_old_and_future_timestamps_are_refused() -> None:
    verify([KEY], signed(KEY), BODY, now=NOW + 300)
    verify([KEY], signed(KEY), BODY, now=NOW - 300)

    with pytest.raises(BadSignature, match="the timestamp lies 301 s in the past"):
        verify([KEY], signed(KEY), BODY, now=NOW + 301)
    with pytest.raises(BadSignature, match="the timestamp lies 301 s in the future"):
        verify([KEY], signed(KEY), BODY, now=NOW - 301)


def test_delivery_headers_are_the_contract() -> None:
    headers = delivery_headers(
        event_id="V2ViaG9va0V2ZW50LTE=",
        timestamp=NOW,
        body=BODY,
        keys=[KEY],
        user_agent="Tellgraph/1.2.3",
        sequence=42,
        attempt=3,
        digest="ab12",
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        own=[("Authorization", "Bearer x")],
    )

    assert headers == [
        ("Content-Type", "application/json"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "Tellgraph/1.2.3"),
        ("webhook-id", "V2ViaG9va0V2ZW50LTE="),
        ("webhook-timestamp", "1700000000"),
        ("webhook-signature", sign([KEY], event_id="V2ViaG9va0V2ZW50LTE=", timestamp=NOW, body=BODY)),
        ("Idempotency-Key", "V2ViaG9va0V2ZW50LTE="),
        ("Tellgraph-Sequence", "42"),
        ("Tellgraph-Attempt", "3"),
        ("Tellgraph-Digest", "ab12"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("Authorization", "Bearer x"),
    ]
    verify([KEY], dict(headers), BODY, now=NOW)


def test_traceparent_is_left_out_when_nothing_is_traced() -> None:
    headers = delivery_headers(
        event_id="a",
        timestamp=NOW,
        body=BODY,
        keys=[KEY],
        user_agent="Tellgraph/1",
        sequence=1,
        attempt=1,
        digest="ab12",
        traceparent=None,
    )

    assert "traceparent" not in dict(headers)
