import base64

import pytest

from app.webhooks.domain.signing.signing_secret import check_secret, generate_secret, secret_key

FORM = "must start with whsec_, followed by the base64 of 24 to 64 bytes"
NO_BASE64 = "must be standard base64, with its padding, after whsec_"


def secret_of(key: bytes) -> str:
    return "whsec_" + base64.b64encode(key).decode()


def test_generated_secrets_are_valid_and_differ() -> None:
    secrets = {generate_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert [check_secret(secret) for secret in secrets] == [[]] * 100
    assert {len(secret_key(secret)) for secret in secrets} == {32}


@pytest.mark.parametrize("size", [24, 25, 26, 64])
def test_key_is_what_was_encoded(size: int) -> None:
    key = bytes(range(160, 160 + size))

    assert check_secret(secret_of(key)) == []
    assert secret_key(secret_of(key)) == key


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", FORM),
        ("secret", FORM),
        ("WHSEC_" + "A" * 32, FORM),
        (" whsec_" + "A" * 32, FORM),
        ("whsec_", "must be the base64 of 24 to 64 bytes, not of 0"),
        (secret_of(b"x" * 23), "must be the base64 of 24 to 64 bytes, not of 23"),
        (secret_of(b"x" * 65), "must be the base64 of 24 to 64 bytes, not of 65"),
        (secret_of(b"x" * 25).rstrip("="), NO_BASE64),
        ("whsec_" + "A" * 31 + "_", NO_BASE64),
        ("whsec_" + "A" * 32 + "\n", NO_BASE64),
        ("whsec_" + "A" * 31 + "ü", NO_BASE64),
    ],
)
def test_wrong_secret_is_named_but_not_quoted(text: str, message: str) -> None:
    assert check_secret(text) == [message]
    with pytest.raises(ValueError, match=r"^signing secret must ") as error:
        secret_key(text)
    assert error.value.__cause__ is None
