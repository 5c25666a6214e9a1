"""API keys and viewers: a request's key tells on whose behalf it runs.

A key is `tgk_` and 32 random bytes; only its SHA-256 is stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.auth.db import api_keys
from app.auth.db.api_keys import ApiKey, ApiKeyId, NewApiKey
from app.auth.db.audit_entries import COMMAND_LINE
from app.auth.domain.api_key import (
    OPERATORS_SCOPES,
    PREFIX_CHARS,
    default_scopes,
    generate_key,
    hash_key,
    key_problems,
)
from app.auth.domain.api_key import Scope as Scope
from app.db.pool import Connection
from app.errors import Forbidden
from app.kernel import clock
from app.kernel.problems import value_problems
from app.kernel.size_bounded_cache import SizedCache
from app.marketplace.catalogue.db.sellers import SellerId


@dataclass(frozen=True, slots=True)
class Viewer:
    """On whose behalf a query runs: the operator (`seller_id` None) or one seller.

    Args:
        key_id: The API key of the request. None for a worker, which renders for a webhook's owner.
        key_name, key_expires_at: As of that key.
        is_command: Whether somebody acts by `tellgraph …` on the command line.
    """

    seller_id: SellerId | None
    scopes: frozenset[Scope] = frozenset(Scope)
    key_id: ApiKeyId | None = field(default=None, compare=False)
    key_name: str | None = field(default=None, compare=False)
    key_expires_at: datetime | None = field(default=None, compare=False)
    is_command: bool = field(default=False, compare=False)

    @property
    def is_operator(self) -> bool:
        return self.seller_id is None

    @property
    def actor(self) -> str:
        """Return the viewer's name as change events and audit entries record it.

        It is `operator`, `seller:7` or `command line`.
        """
        if self.is_command:
            return COMMAND_LINE
        return "operator" if self.seller_id is None else f"seller:{self.seller_id}"

    @property
    def sender(self) -> str:
        """Return who sends a request: the actor and its key, as in `seller:7 key:12`."""
        return self.actor if self.key_id is None else f"{self.actor} key:{self.key_id}"

    def require(self, scope: Scope, *, reason: str = "") -> None:
        """Check that the key carries the scope.

        Args:
            scope: The scope.
            reason: A clause that says why it is needed, where that is not plain.

        Raises:
            Forbidden: It does not (MISSING_SCOPE).
        """
        if scope not in self.scopes:
            hint = "" if self.is_operator or scope not in OPERATORS_SCOPES else ", which no seller's key can have"
            because = f": {reason}" if reason else ""
            raise Forbidden(f"This API key lacks the scope {scope.value!r}{hint}{because}.", code="MISSING_SCOPE")


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
    return Viewer(found.seller_id, frozenset(found.scopes), found.id, found.name, found.expires_at)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key. `key` is shown only once."""

    api_key: ApiKey
    key: str


async def issue_key(conn: Connection, new: NewApiKey) -> IssuedKey:
    """Store a new key. This is the only time that it can be read.

    Raises:
        InvalidInput: Names every wrong attribute.
    """
    is_operator = new.seller_id is None
    scopes = default_scopes(is_operator=is_operator) if new.scopes is None else tuple(dict.fromkeys(new.scopes))
    problems = value_problems(new)
    if "expires_at" not in problems:
        problems.include(
            key_problems(
                name=new.name, is_operator=is_operator, scopes=scopes, expires_at=new.expires_at, now=clock.now()
            )
        )
    if new.seller_id is not None and not await api_keys.seller_exists(conn, new.seller_id):
        problems.add("seller_id", f"there is no seller {new.seller_id}")
    problems.check()
    key = generate_key()
    api_key = await api_keys.insert_api_key(conn, new, scopes=scopes, prefix=key[:PREFIX_CHARS], key_hash=hash_key(key))
    return IssuedKey(api_key=api_key, key=key)


async def create_key(
    conn: Connection,
    *,
    name: str,
    seller_id: SellerId | None,
    scopes: Sequence[Scope] | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Store a new key and return it. Arguments and errors: as of `NewApiKey` and `issue_key`."""
    new = NewApiKey(name=name, seller_id=seller_id, scopes=scopes, expires_at=expires_at)
    return (await issue_key(conn, new)).key
