"""Encryption at rest of signing secrets and header values: AES-256-GCM under TELLGRAPH_SECRET_KEY.

While that key is being changed, values sealed under a key of TELLGRAPH_SECRET_KEY_PREVIOUS can still be opened.
"""

import base64
import binascii
import os
from collections.abc import Sequence
from functools import lru_cache

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.errors import InvalidInput
from app.kernel.parsed_json import ParsedJson
from app.settings import Settings

_NONCE_BYTES = 12
#: First byte of every ciphertext, so that the form can change later without guessing.
_VERSION = b"\x01"


class SecretBox:
    """Seals JSON values. A value that was sealed for one purpose can't be opened for another."""

    def __init__(self, secret_key: str | None, previous: Sequence[str] = ()) -> None:
        """Read the keys, each base64 of 32 bytes.

        Args:
            secret_key: The key that seals, and opens.
            previous: Former keys, which only open.

        Raises:
            InvalidInput: A key is missing or has a wrong form. The message has a hint.
        """
        self._aead = AESGCM(_key(secret_key))
        self._previous = tuple(AESGCM(_key(key)) for key in previous)

    def seal(self, value: object, *, purpose: str) -> bytes:
        return self._seal(orjson.dumps(value), purpose)

    def open(self, sealed: bytes, *, purpose: str) -> ParsedJson:
        """Return the value.

        Raises:
            InvalidInput: It was sealed under another key, for another purpose, or was altered.
        """
        for aead in (self._aead, *self._previous):
            if (plain := _try_open(aead, sealed, purpose)) is not None:
                return orjson.loads(plain)
        raise _wrong_key()

    def reseal(self, sealed: bytes, *, purpose: str) -> bytes | None:
        """Seal a value again under the current key; None if it already is. Raises InvalidInput, as `open` does."""
        if _try_open(self._aead, sealed, purpose) is not None:
            return None
        for aead in self._previous:
            if (plain := _try_open(aead, sealed, purpose)) is not None:
                return self._seal(plain, purpose)
        raise _wrong_key()

    def _seal(self, plain: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, purpose.encode())


@lru_cache(maxsize=4)
def secret_box(secret_key: str | None, previous: tuple[str, ...] = ()) -> SecretBox:
    """Return the box of these keys, which is made once per process."""
    return SecretBox(secret_key, previous)


def box_of(settings: Settings) -> SecretBox:
    """Return the box of this installation. Raises InvalidInput if a key is missing or has a wrong form."""
    return secret_box(settings.secret_key, settings.secret_key_previous)


def _try_open(aead: AESGCM, sealed: bytes, purpose: str) -> bytes | None:
    """Return the value's bytes; None if this key or purpose does not open it."""
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
        return None
    try:
        return aead.decrypt(nonce, ciphertext, purpose.encode())
    except InvalidTag:
        return None


def _wrong_key() -> InvalidInput:
    return InvalidInput(
        "A stored secret can't be decrypted: TELLGRAPH_SECRET_KEY is not the key it was saved with.",
        code="WRONG_SECRET_KEY",
    )


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
