"""The form of TELLGRAPH_SECRET_KEY. Pure."""

import base64
import binascii

_BYTES = 32
FORM = "base64 of 32 random bytes, as `openssl rand -base64 32` makes them"


def secret_key_bytes(text: str) -> bytes:
    """Return the bytes of a secret key. Raise ValueError, whose message has the form and not the key."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"must be {FORM}; it is not base64") from error
    if len(key) != _BYTES:
        raise ValueError(f"must be {FORM}; it has {len(key)} bytes")
    return key
