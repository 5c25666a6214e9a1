"""Encryption at rest of signing secrets and header values: AES-256-GCM under TELLGRAPH_SECRET_KEY."""

import base64
import binascii
import os
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import InvalidInput

_NONCE_BYTES = 12
#: First byte of every ciphertext, so that the form can change later without guessing.
_VERSION = b"\x01"


class SecretBox:
    """Seals JSON values. What was sealed for one purpose does not open for another."""

    def __init__(self, secret_key: str | None) -> None:
        """`secret_key` is base64 of 32 bytes. Raises InvalidInput, which says how to make one."""
        self._aead = AESGCM(_key(secret_key))

    def seal(self, value: Any, *, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, orjson.dumps(value), purpose.encode())

    def open(self, sealed: bytes, *, purpose: str) -> Any:
        """Raises InvalidInput when it was sealed under another key, for another purpose, or was altered."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return orjson.loads(self._aead.decrypt(nonce, ciphertext, purpose.encode()))
        except InvalidTag as error:
            raise InvalidInput(
                "A stored secret can't be decrypted: TELLGRAPH_SECRET_KEY is not the key it was saved with.",
                code="WRONG_SECRET_KEY",
            ) from error


@lru_cache(maxsize=4)
def secret_box(secret_key: str | None) -> SecretBox:
    """The box of a key; made once per process."""
    return SecretBox(secret_key)


def _key(secret_key: str | None) -> bytes:
    hint = "set TELLGRAPH_SECRET_KEY to base64 of 32 random bytes, as `openssl rand -base64 32` makes them"
    if not secret_key:
        raise InvalidInput(f"No secret key: {hint}.", code="NO_SECRET_KEY")
    try:
        key = base64.b64decode(secret_key, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"The secret key is not base64: {hint}.", code="NO_SECRET_KEY") from error
    if len(key) != 32:
        raise InvalidInput(f"The secret key has {len(key)} bytes, not 32: {hint}.", code="NO_SECRET_KEY")
    return key
