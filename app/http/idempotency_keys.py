"""Idempotency keys: which changes have been made already, for whom, and what they made."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import orjson

from app.db.pool import Connection

#: How long a key stands for its first request. After that it is as new.
LIFETIME_HOURS = 24
#: How long a request waits for another with its key that is under way.
WAIT_MS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Whose key it is, and which mutation of the operation it stands for."""

    actor: str
    key: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """made: payload field → type and id. sealed: the payload's other values, encrypted."""

    request_hash: bytes
    made: Mapping[str, tuple[str, int]]
    sealed: bytes | None


class KeyInUse(Exception):
    """Another transaction has the key, and has not ended in time. The own one has failed with that."""


async def claim_key(conn: Connection, owner: KeyOwner, *, request_hash: bytes) -> KeptAnswer | None:
    """Take a key until the transaction ends; what was made under it before, if anything was.

    Waits for a transaction that has the key, and gets what that one commits. Raises KeyInUse.
    """
    await conn.execute(f"set local lock_timeout = {WAIT_MS}")
    try:
        is_new = await conn.fetchval(
            "insert into idempotency_keys as k (actor, key, field, request_hash) values ($1, $2, $3, $4)"
            " on conflict (actor, key, field) do update"
            " set request_hash = excluded.request_hash, made = '{}', sealed = null, created_at = now()"
            f" where k.created_at < now() - interval '{LIFETIME_HOURS} hours' returning true",
            owner.actor,
            owner.key,
            owner.field,
            request_hash,
        )
    except asyncpg.LockNotAvailableError as error:
        raise KeyInUse from error
    await conn.execute("set local lock_timeout = default")
    return None if is_new else await _get_answer(conn, owner)


async def keep_answer(
    conn: Connection, owner: KeyOwner, *, made: Mapping[str, tuple[str, int]], sealed: bytes | None
) -> None:
    """Note what the claimed key's change has made."""
    await conn.execute(
        "update idempotency_keys set made = $4::text::jsonb, sealed = $5 where actor = $1 and key = $2 and field = $3",
        owner.actor,
        owner.key,
        owner.field,
        orjson.dumps(dict(made)).decode(),
        sealed,
    )


async def delete_expired_keys(conn: Connection, *, limit: int) -> None:
    """Delete some of the keys that have expired and that nobody holds."""
    await conn.execute(
        "delete from idempotency_keys k using (select actor, key, field from idempotency_keys"
        f" where created_at < now() - interval '{LIFETIME_HOURS} hours' limit $1 for update skip locked) old"
        " where k.actor = old.actor and k.key = old.key and k.field = old.field",
        limit,
    )


async def _get_answer(conn: Connection, owner: KeyOwner) -> KeptAnswer:
    row = await conn.fetchrow(
        "select request_hash, made, sealed from idempotency_keys where actor = $1 and key = $2 and field = $3",
        owner.actor,
        owner.key,
        owner.field,
    )
    if row is None:
        # It expired, and was deleted between the two statements: the next try finds it new.
        raise KeyInUse
    made = {field: (type_name, key) for field, (type_name, key) in orjson.loads(row["made"]).items()}
    return KeptAnswer(request_hash=row["request_hash"], made=made, sealed=row["sealed"])
