"""API keys: a credential becomes a viewer.

A key is `tgk_` and 32 random bytes; only its SHA-256 is stored. Random keys of that length need no slow hash.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from app.auth import api_keys
from app.db.pool import Connection
from app.errors import Forbidden, InvalidInput
from app.kernel.size_bounded_cache import Kept
from app.marketplace.catalogue.db.sellers import SellerId


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose behalf a query runs: the operator (`seller_id` None) or one seller."""

    seller_id: SellerId | None
    scopes: frozenset[Scope] = frozenset(Scope)

    @property
    def is_operator(self) -> bool:
        return self.seller_id is None

    @property
    def actor(self) -> str:
        """Who this is, as recorded with a change event."""
        return "operator" if self.seller_id is None else f"seller:{self.seller_id}"

    def require(self, scope: Scope) -> None:
        """Raises Forbidden (MISSING_SCOPE) unless the key carries the scope."""
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope {scope.value!r}.", code="MISSING_SCOPE")


OPERATOR = Viewer(None)


def credential(headers: Mapping[str, str]) -> str | None:
    """The key of a request: `Authorization: Bearer …`, else `MARKETPLACER-API-KEY: …`; None when neither is sent."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("marketplacer-api-key") or None


async def authenticate(conn: Connection, key: str | None) -> Viewer | None:
    """The viewer of a key; None when it is missing, unknown, revoked or expired."""
    if not key:
        return None
    found = await api_keys.find_live_key(conn, hash_key(key))
    return None if found is None else _viewer(found.seller_id, found.scopes)


@dataclass(slots=True)
class Witness:
    """Confirms that a key still is whose it was when it was last looked up, in a statement that reads for it anyhow.

    Nothing of what was read may be shown before it is confirmed, or the key looked up.
    """

    key_hash: bytes
    viewer: Viewer
    is_confirmed: bool = False

    @property
    def args(self) -> tuple[Any, ...]:
        return self.key_hash, self.viewer.seller_id, [scope.value for scope in self.viewer.scopes]

    def column(self, first: int) -> str:
        """What the statement has to select, a boolean; its arguments are `args`, from `$first` on."""
        return api_keys.live_key_column(first)


class KnownKeys:
    """Viewers by the hash of the key, as they were last looked up: a guess, for a Witness to confirm."""

    def __init__(self, maximum: int = 10_000) -> None:
        self._viewers: Kept[bytes, Viewer] = Kept(maximum)

    def witness(self, key: str) -> Witness | None:
        """None for a key that was not seen before."""
        key_hash = hash_key(key)
        viewer = self._viewers.find(key_hash)
        return None if viewer is None else Witness(key_hash, viewer)

    def remember(self, key: str, viewer: Viewer | None) -> None:
        """What a look-up has found; None forgets the key."""
        key_hash = hash_key(key)
        self._viewers.forget(key_hash)
        if viewer is not None:
            self._viewers.keep(key_hash, viewer, 1)


def _viewer(seller_id: SellerId | None, scopes: Sequence[str]) -> Viewer:
    return Viewer(seller_id, frozenset(Scope(scope) for scope in scopes))


async def create_key(
    conn: Connection,
    *,
    name: str,
    seller_id: SellerId | None,
    scopes: Sequence[Scope] = tuple(Scope),
    expires_at: datetime | None = None,
) -> str:
    """Store a new key and return it: this is the only time that it can be read. Raises InvalidInput."""
    if not name.strip():
        raise InvalidInput.at("name", "must not be blank")
    if seller_id is not None and not await api_keys.seller_exists(conn, seller_id):
        raise InvalidInput.at("seller", f"there is no seller {seller_id}")
    key = f"tgk_{secrets.token_urlsafe(32)}"
    await api_keys.insert_api_key(
        conn,
        name=name,
        seller_id=seller_id,
        prefix=key[:10],
        key_hash=hash_key(key),
        scopes=[scope.value for scope in scopes],
        expires_at=expires_at,
    )
    return key


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
