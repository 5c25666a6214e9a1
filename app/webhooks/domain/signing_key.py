"""Ed25519 keys as Standard Webhooks has them: `whsk_` signs and stays here, `whpk_` verifies and is shown.

A private key is the base64 of its 32 bytes of seed followed by the 32 of its public key; a public key is that of
its 32 bytes. Pure but for chance.
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
    """Make a new key pair; `public_key` has its other half."""
    key = Ed25519PrivateKey.generate()
    return _text(PRIVATE_PREFIX, key.private_bytes_raw() + key.public_key().public_bytes_raw())


def public_key(private: str) -> str:
    """The public half, as subscribers are shown it. Raises ValueError for what is no private key."""
    return _text(PUBLIC_PREFIX, private_key(private).public_key().public_bytes_raw())


def private_key(text: str) -> Ed25519PrivateKey:
    """Decode a key to sign with. Raises ValueError, which does not quote it."""
    try:
        raw = base64.b64decode(text.removeprefix(PRIVATE_PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        # Chained, the first of them would carry the key into a log.
        raise ValueError("a private signing key is not base64") from None
    if not text.startswith(PRIVATE_PREFIX) or len(raw) != _PRIVATE_BYTES:
        raise ValueError(f"a private signing key must be {PRIVATE_PREFIX} and {_PRIVATE_BYTES} bytes")
    return Ed25519PrivateKey.from_private_bytes(raw[:_SEED_BYTES])


def verifying_key(text: str) -> Ed25519PublicKey:
    """Decode a key to verify with, as `public_key` gives it. Raises ValueError."""
    try:
        raw = base64.b64decode(text.removeprefix(PUBLIC_PREFIX).encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise ValueError("a public key is not base64") from error
    if not text.startswith(PUBLIC_PREFIX) or len(raw) != _PUBLIC_BYTES:
        raise ValueError(f"a public key must be {PUBLIC_PREFIX} and the base64 of {_PUBLIC_BYTES} bytes")
    return Ed25519PublicKey.from_public_bytes(raw)


def _text(prefix: str, raw: bytes) -> str:
    return prefix + base64.b64encode(raw).decode("ascii")
