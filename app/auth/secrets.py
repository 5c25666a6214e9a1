"""Encryption at rest of signing secrets and header values: AES-256-GCM under TELLGRAPH_SECRET_KEY.

While that key is being changed, values sealed under a key of TELLGRAPH_SECRET_KEY_PREVIOUS can still be opened.
"""

import os
from collections.abc import Sequence
from functools import lru_cache

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.auth.secret_key_form import FORM, secret_key_bytes
from app.errors import InvalidInput
from app.kernel.parsed_json import ParsedJson
from app.settings import Settings

_NONCE_BYTES = 12
#: First byte of every ciphertext, so that the form can change later without guessing.
_VERSION = b"\x01"


class SecretBox:
    """Seals JSON values. A value can be opened only for the purpose and the row that it was sealed for."""

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

    def seal(self, value: object, *, purpose: str, row: object) -> bytes:
        """Seal a value for a row: copied into another one, it can't be opened there.

        Args:
            value: Any JSON value.
            purpose: The column, in words.
            row: The row's key.
        """
        return self._seal(orjson.dumps(value), _bound(purpose, row))

    def open(self, sealed: bytes, *, purpose: str, row: object) -> ParsedJson:
        """Return the value.

        Raises:
            InvalidInput: It was sealed under another key, for another purpose or row, or was altered.
        """
        for aead in (self._aead, *self._previous):
            if (plain := _try_open(aead, sealed, _bound(purpose, row))) is not None:
                return orjson.loads(plain)
        raise _wrong_key()

    def reseal(self, sealed: bytes, *, purpose: str, row: object) -> bytes | None:
        """Seal a value again under the current key; None if it already is. Raises InvalidInput, as `open` does."""
        bound = _bound(purpose, row)
        if _try_open(self._aead, sealed, bound) is not None:
            return None
        for aead in self._previous:
            if (plain := _try_open(aead, sealed, bound)) is not None:
                return self._seal(plain, bound)
        raise _wrong_key()

    def _seal(self, plain: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._aead.encrypt(nonce, plain, bound)


@lru_cache(maxsize=4)
def secret_box(secret_key: str | None, previous: tuple[str, ...] = ()) -> SecretBox:
    """Return the box of these keys, which is made once per process."""
    return SecretBox(secret_key, previous)


def box_of(settings: Settings) -> SecretBox:
    """Return the box of this installation. Raises InvalidInput if a key is missing or has a wrong form."""
    return secret_box(settings.secret_key, settings.secret_key_previous)


def _bound(purpose: str, row: object) -> bytes:
    """Return the data that a value is bound to: it is authenticated with the value, and not stored with it."""
    return f"{purpose} {row}".encode()


def _try_open(aead: AESGCM, sealed: bytes, bound: bytes) -> bytes | None:
    """Return the value's bytes; None if this key, purpose or row does not open it."""
    nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
        return None
    try:
        return aead.decrypt(nonce, ciphertext, bound)
    except InvalidTag:
        return None


def _wrong_key() -> InvalidInput:
    return InvalidInput(
        "A stored secret can't be decrypted: TELLGRAPH_SECRET_KEY is not the key it was saved with,"
        " or the value belongs to another row.",
        code="WRONG_SECRET_KEY",
    )


def _key(secret_key: str | None) -> bytes:
    if not secret_key:
        raise InvalidInput(f"No secret key: TELLGRAPH_SECRET_KEY must be {FORM}.", code="NO_SECRET_KEY")
    try:
        return secret_key_bytes(secret_key)
    except ValueError as error:
        raise InvalidInput(f"TELLGRAPH_SECRET_KEY {error}.", code="NO_SECRET_KEY") from error
