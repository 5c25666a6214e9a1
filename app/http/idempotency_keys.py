"""The table of idempotency keys: the changes that were made, by whom, and their results."""

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg
import orjson

from app.db.pool import Connection

#: Hours for which a key stands for its first request. After that it can be used anew.
LIFETIME_HOURS = 24
#: Milliseconds that a request waits for a running request with the same key.
WAIT_MS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """The owner of a key: who sends it, and the mutation of the operation that the key stands for.

    Two API keys of one seller are two senders: the answer to one may hold a secret that is not the other's.
    """

    actor: str
    key: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptAnswer:
    """The stored result of a request.

    Args:
        made: Type and id of each row, by payload field.
        sealed: The payload's other values, encrypted. None if there are none.
    """

    request_hash: bytes
    made: Mapping[str, tuple[str, int]]
    sealed: bytes | None


class KeyInUse(Exception):
    """The key is held by another transaction; ours is aborted by the lock timeout."""


async def claim_key(conn: Connection, owner: KeyOwner, *, request_hash: bytes) -> KeptAnswer | None:
    """Lock a key until the transaction ends, and return the result that is stored under it.

    A transaction that holds the key is waited for, and its result is returned.

    Returns:
        None if the key is new or has expired.

    Raises:
        KeyInUse: The other transaction did not end in time.
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
    """Store the result of the claimed key's change."""
    await conn.execute(
        "update idempotency_keys set made = $4::text::jsonb, sealed = $5 where actor = $1 and key = $2 and field = $3",
        owner.actor,
        owner.key,
        owner.field,
        orjson.dumps(dict(made)).decode(),
        sealed,
    )


async def delete_expired_keys(conn: Connection, *, limit: int) -> None:
    """Delete at most `limit` expired keys that no transaction holds."""
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
        # It expired and was deleted between the two statements. The next request finds the key new.
        raise KeyInUse
    made = {field: (type_name, key) for field, (type_name, key) in orjson.loads(row["made"]).items()}
    return KeptAnswer(request_hash=row["request_hash"], made=made, sealed=row["sealed"])
