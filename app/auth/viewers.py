"""API keys and viewers: a request's key tells on whose behalf it runs.

A key is `tgk_` and 32 random bytes; only its SHA-256 is stored. Random keys of that length need no slow hash.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.auth import api_keys
from app.db.pool import Connection
from app.errors import Forbidden, InvalidInput
from app.kernel.size_bounded_cache import SizedCache
from app.marketplace.catalogue.db.sellers import SellerId


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    WEBHOOKS = "webhooks"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose behalf a query runs: the operator (`seller_id` None) or one seller.

    Args:
        key_id: The API key of the request. None for a worker, which renders for a webhook's owner.
    """

    seller_id: SellerId | None
    scopes: frozenset[Scope] = frozenset(Scope)
    key_id: api_keys.ApiKeyId | None = field(default=None, compare=False)

    @property
    def is_operator(self) -> bool:
        return self.seller_id is None

    @property
    def actor(self) -> str:
        """Return the viewer's name as change events record it: `operator` or `seller:7`."""
        return "operator" if self.seller_id is None else f"seller:{self.seller_id}"

    def require(self, scope: Scope) -> None:
        """Check that the key carries the scope.

        Raises:
            Forbidden: It does not (MISSING_SCOPE).
        """
        if scope not in self.scopes:
            raise Forbidden(f"This API key lacks the scope {scope.value!r}.", code="MISSING_SCOPE")


OPERATOR = Viewer(None)


def credential(headers: Mapping[str, str]) -> str | None:
    """Return the key of a request: `Authorization: Bearer …`, else `MARKETPLACER-API-KEY: …`; None without either."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("marketplacer-api-key") or None


async def authenticate(conn: Connection, key: str | None) -> Viewer | None:
    """Return the viewer of a key; None if the key is missing, unknown, revoked or expired."""
    if not key:
        return None
    found = await api_keys.find_live_key(conn, hash_key(key))
    if found is None:
        return None
    return Viewer(found.seller_id, frozenset(Scope(scope) for scope in found.scopes), found.id)


@dataclass(slots=True)
class KeyCheck:
    """Checks that a key still has the viewer of an earlier request, within the statement that reads for that viewer.

    It saves one round trip. Rows may be shown only after it is confirmed, or after the key was looked up.
    """

    key_hash: bytes
    viewer: Viewer
    is_confirmed: bool = False

    @property
    def args(self) -> tuple[object, ...]:
        return self.key_hash, self.viewer.seller_id, [scope.value for scope in self.viewer.scopes]

    def column(self, first: int) -> str:
        """Return the boolean column that the statement has to select; its arguments are `args`, from `$first` on."""
        return api_keys.live_key_column(first)


class ViewerCache:
    """Viewers by the hash of the key, as they were last looked up. A KeyCheck must confirm them."""

    def __init__(self, maximum: int = 10_000) -> None:
        self._viewers: SizedCache[bytes, Viewer] = SizedCache(maximum)

    def key_check(self, key: str) -> KeyCheck | None:
        """Return the check of a key; None if the key is not cached."""
        key_hash = hash_key(key)
        viewer = self._viewers.find(key_hash)
        return None if viewer is None else KeyCheck(key_hash, viewer)

    def remember(self, key: str, viewer: Viewer | None) -> None:
        """Store the viewer that a look-up has found. None removes the key."""
        key_hash = hash_key(key)
        self._viewers.forget(key_hash)
        if viewer is not None:
            self._viewers.keep(key_hash, viewer, 1)


async def create_key(
    conn: Connection,
    *,
    name: str,
    seller_id: SellerId | None,
    scopes: Sequence[Scope] = tuple(Scope),
    expires_at: datetime | None = None,
) -> str:
    """Store a new key and return it: this is the only time that it can be read.

    Args:
        seller_id: The seller whose key it is. None for the operator.
        expires_at: None for a key that does not expire.

    Raises:
        InvalidInput: The name is blank, or there is no such seller.
    """
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
