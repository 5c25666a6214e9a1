"""Ed25519 keys by Standard Webhooks: `whsk_` signs and stays here, `whpk_` verifies and is shown.

A private key is the base64 of its 32-byte seed followed by its 32-byte public key. A public key is the base64 of its 32
bytes. Pure, except for randomness.
"""

import base64
import binascii
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
_SEED_BYTES: Final = 32
_PRIVATE_BYTES: Final = 64
_PUBLIC_BYTES: Final = 32


def generate_private_key() -> str:
    """Make a new key pair, and return its private key. `public_key` derives the public one."""
    key = Ed25519PrivateKey.generate()
    return _text(PRIVATE_PREFIX, key.private_bytes_raw() + key.public_key().public_bytes_raw())


def public_key(private: str) -> str:
    """Return the public key of a private key, as subscribers see it. Raise ValueError for any other text."""
    return _text(PUBLIC_PREFIX, private_key(private).public_key().public_bytes_raw())


def private_key(text: str) -> Ed25519PrivateKey:
    """Decode a key for signing. Raise ValueError for any other text, without quoting it."""
    try:
        raw = base64.b64decode(text.removeprefix(PRIVATE_PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        # Chained, the first of them would carry the key into a log.
        raise ValueError("a private signing key is not base64") from None
    if not text.startswith(PRIVATE_PREFIX) or len(raw) != _PRIVATE_BYTES:
        raise ValueError(f"a private signing key must be {PRIVATE_PREFIX} and {_PRIVATE_BYTES} bytes")
    return Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])


def verifying_key(text: str) -> Ed25519PublicKey:
    """Decode a key for verifying, as `public_key` returns it. Raise ValueError for any other text."""
    try:
        raw = base64.b64decode(text.removeprefix(PUBLIC_PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("a public key is not base64") from error
    if not text.startswith(PUBLIC_PREFIX) or len(raw) != _PUBLIC_BYTES:
        raise ValueError(f"a public key must be {PUBLIC_PREFIX} and the base64 of {_PUBLIC_BYTES} bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


def _text(prefix: str, raw: bytes) -> str:
    return prefix + base64.b64encode(raw).decode("ascii")
