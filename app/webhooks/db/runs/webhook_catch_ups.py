"""The progress of webhooks that were enabled again and catch up with the changes that they missed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from app.capture.missed_changes import get_turn
from app.db.pool import Connection, Record
from app.webhooks.db.webhook_events import release_held
from app.webhooks.db.webhooks import WEBHOOKS, Webhook, WebhookId

#: How long a step waits for the publisher of a shard before it goes on with another one.
_WAIT_MS = 1000
_SHARDS = 64
_COLUMNS = WEBHOOKS.select_list("w")


@dataclass(frozen=True, slots=True, kw_only=True)
class CatchUp:
    """A webhook that is enabled and has missed changes after the turn `missed_since`.

    Attributes:
        positions: The turn up to which it has caught up, by shard.
        unfinished: The shards to be walked, the next one first; empty: it has caught up.
        is_begun: Whether `unfinished` has been determined since the webhook was enabled.
    """

    webhook: Webhook
    missed_since: int
    enabled_turn: int
    positions: Sequence[int]
    unfinished: Sequence[int]
    is_begun: bool


async def claim_due(conn: Connection) -> CatchUp | None:
    """Lock the progress of the webhook that has waited longest, unless another worker has; None when there is none.

    The webhook itself is not locked.
    """
    await conn.execute(
        f"""
        insert into webhook_catch_ups (webhook_id, enabled_turn, positions, unfinished)
        select w.id, -1, array_fill(w.missed_since, array[{_SHARDS}]), '{{}}' from webhooks w
        where {_IS_BEHIND} and not exists (select from webhook_catch_ups c where c.webhook_id = w.id)
        on conflict do nothing
        """
    )
    row = await conn.fetchrow(
        f"""
        select {_COLUMNS}, coalesce(w.enabled_turn, 0) as turn, c.positions, c.unfinished,
          c.enabled_turn = coalesce(w.enabled_turn, 0) as is_begun
        from webhook_catch_ups c join webhooks w on w.id = c.webhook_id
        where {_IS_BEHIND} order by c.advanced_at limit 1 for update of c skip locked
        """
    )
    return None if row is None else _catch_up(row)


_IS_BEHIND = "w.is_enabled and w.missed_since is not null and w.deleted_at is null"


def _catch_up(row: Record) -> CatchUp:
    missed_since: Any = row["missed_since"]
    return CatchUp(
        webhook=WEBHOOKS.from_record(row),
        missed_since=missed_since,
        enabled_turn=row["turn"],
        # Progress may be older than the turn: of a webhook that had caught up when it was noted.
        positions=tuple(max(position, missed_since) for position in row["positions"]),
        unfinished=tuple(row["unfinished"]),
        is_begun=row["is_begun"],
    )


async def begin(conn: Connection, catch_up: CatchUp) -> None:
    """Determine the shards to be walked: those with missed changes, and those in which a publisher is at work just now.

    Such a publisher may have seen the webhook as disabled. In other shards, every one that did has ended.
    """
    rows = await conn.fetch(
        "select s.shard from generate_series(0, $1::integer - 1) s(shard)"
        " where pg_try_advisory_xact_lock(7201, s.shard)",
        _SHARDS,
    )
    locked = [row["shard"] for row in rows]
    turn = await get_turn(conn)
    rows = await conn.fetch(
        "select s.shard from unnest($2::integer[], $3::bigint[]) s(shard, position) where exists ("
        " select from missed_changes m where m.entity_type = $1 and m.shard = s.shard and m.turn > s.position)",
        catch_up.webhook.type.entity_type,
        locked,
        [catch_up.positions[shard] for shard in locked],
    )
    finished = {*locked} - {row["shard"] for row in rows}
    await _store(
        conn,
        catch_up,
        positions=[turn if shard in finished else position for shard, position in enumerate(catch_up.positions)],
        unfinished=[shard for shard in range(_SHARDS) if shard not in finished],
    )


async def lock_shard(conn: Connection, shard: int) -> bool:
    """Keep publishers from a shard until the transaction ends. Returns False when one is at work there for too long."""
    try:
        async with conn.transaction():
            await conn.execute(f"set local lock_timeout = {_WAIT_MS}")
            await conn.execute("select pg_advisory_xact_lock(7201, $1)", shard)
            await conn.execute("set local lock_timeout = default")
    except asyncpg.LockNotAvailableError:
        return False
    return True


async def advance(conn: Connection, catch_up: CatchUp, *, position: int, is_finished: bool) -> None:
    """Note the progress in the first unfinished shard. When it holds more, it becomes the last one."""
    shard, *others = catch_up.unfinished
    positions = [*catch_up.positions]
    positions[shard] = position
    await _store(conn, catch_up, positions=positions, unfinished=others if is_finished else [*others, shard])


async def _store(conn: Connection, catch_up: CatchUp, *, positions: Sequence[int], unfinished: Sequence[int]) -> None:
    await conn.execute(
        "update webhook_catch_ups set enabled_turn = $2, positions = $3, unfinished = $4,"
        " advanced_at = clock_timestamp() where webhook_id = $1",
        catch_up.webhook.id,
        catch_up.enabled_turn,
        list(positions),
        list(unfinished),
    )


async def finish(conn: Connection, webhook_id: WebhookId) -> bool:
    """Note that a webhook misses no change any more, and release its held events, if it is still enabled.

    It locks the webhook before its progress, so that nobody disables it meanwhile.

    Returns:
        False when the webhook was disabled, or has more to catch up with.
    """
    enabled_turn = await conn.fetchval(
        f"select coalesce(w.enabled_turn, 0) from webhooks w where w.id = $1 and {_IS_BEHIND} for no key update",
        webhook_id,
    )
    status = await conn.execute(
        "delete from webhook_catch_ups where webhook_id = $1 and enabled_turn = $2 and unfinished = '{}'",
        webhook_id,
        enabled_turn,
    )
    if status != "DELETE 1":
        return False
    await conn.execute("update webhooks set missed_since = null where id = $1", webhook_id)
    await release_held(conn, webhook_id)
    return True
