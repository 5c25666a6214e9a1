"""API keys: their form, their scopes, how long they live."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.kernel.problems import Problems, blank_problems

#: Characters of a key that are stored readably, to tell keys apart.
PREFIX_CHARS: Final = 10
#: Seconds for which a rotated key still works, unless others are given; and the most that can be given.
DEFAULT_OVERLAP_S: Final = 24 * 3600
MAX_OVERLAP_S: Final = 30 * 24 * 3600


class Scope(StrEnum):
    """A right of an API key; stored by value."""

    READ = "read"
    WRITE = "write"
    WEBHOOKS = "webhooks"
    AUDIT = "audit"
    KEYS = "keys"


#: A seller's key can't have these.
OPERATORS_SCOPES: Final = frozenset({Scope.KEYS})


class ApiKeyState(StrEnum):
    LIVE = "LIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


def generate_key() -> str:
    return f"tgk_{secrets.token_urlsafe(32)}"


def hash_key(key: str) -> bytes:
    """Return the SHA-256 of a key. Random keys of 32 bytes need no slow hash."""
    return hashlib.sha256(key.encode()).digest()


def default_scopes(*, is_operator: bool) -> tuple[Scope, ...]:
    """Return every scope that a key of this owner can have."""
    return tuple(scope for scope in Scope if is_operator or scope not in OPERATORS_SCOPES)


def key_problems(
    *, name: str, is_operator: bool, scopes: Sequence[Scope], expires_at: datetime | None, now: datetime
) -> Problems:
    """List what is wrong with a new key, by field."""
    problems = blank_problems({"name": name})
    if not scopes:
        problems.add("scopes", "must name at least one; leave it out for all that the owner's keys can have")
    if not is_operator and (beyond := OPERATORS_SCOPES.intersection(scopes)):
        problems.add("scopes", f"a seller's key can't have the scope {', '.join(sorted(beyond))}")
    if expires_at is not None and expires_at <= now:
        problems.add("expires_at", "must be in the future")
    return problems


def overlap_problems(overlap_s: int) -> Problems:
    """List what is wrong with the overlap of a rotation."""
    if 0 <= overlap_s <= MAX_OVERLAP_S:
        return Problems()
    return Problems(overlap_seconds=[f"must be from 0 to {MAX_OVERLAP_S}"])


def state_of(*, expires_at: datetime | None, revoked_at: datetime | None, now: datetime) -> ApiKeyState:
    if revoked_at is not None:
        return ApiKeyState.REVOKED
    return ApiKeyState.EXPIRED if expires_at is not None and expires_at <= now else ApiKeyState.LIVE


def renewed_expiry(*, created_at: datetime, expires_at: datetime | None, now: datetime) -> datetime | None:
    """Return the end of a key that replaces another: it lives as long as that one was meant to."""
    if expires_at is None:
        return None
    try:
        return now + (expires_at - created_at)
    except OverflowError:
        return expires_at
