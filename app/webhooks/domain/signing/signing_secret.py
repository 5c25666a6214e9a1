"""Signing secrets by Standard Webhooks: `whsec_` and the base64 of a key. Pure, except for randomness."""

import base64
import binascii
import secrets
from typing import Final

PREFIX: Final = "whsec_"
# Standard Webhooks: "between 24 bytes (192 bits) and 64 bytes (512 bits)".
MIN_KEY_BYTES: Final = 24
MAX_KEY_BYTES: Final = 64
# The size of the HMAC's hash: more adds nothing, less takes strength away.
GENERATED_KEY_BYTES: Final = 32


def generate_secret() -> str:
    """Make a new secret from the system's source of randomness."""
    return PREFIX + base64.b64encode(secrets.token_bytes(GENERATED_KEY_BYTES)).decode("ascii")


def check_secret(text: str) -> list[str]:
    """Return the problems of a secret that a subscriber chose; empty when there are none.

    The messages never quote the secret.
    """
    if not text.startswith(PREFIX):
        return [f"must start with {PREFIX}, followed by the base64 of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes"]
    try:
        key = _decode(text)
    except ValueError:
        return [f"must be standard base64, with its padding, after {PREFIX}"]
    if not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        return [f"must be the base64 of {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, not of {len(key)}"]
    return []


def secret_key(text: str) -> bytes:
    """Decode a secret to the key of the HMAC.

    Raises:
        ValueError: `check_secret` finds a problem.
    """
    if problems := check_secret(text):
        raise ValueError(f"signing secret {'; '.join(problems)}")
    return _decode(text)


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text.removeprefix(PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        # Chained, the first of them would carry the secret into a log.
        raise ValueError("not base64") from None
