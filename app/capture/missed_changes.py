"""Changes that disabled webhooks miss: one row for each changed entity, however many webhooks miss it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from app.capture.row_changes import RowChange, decode_row_changes, encode_row_changes
from app.db.pool import Connection
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName

#: Events that a disabled webhook holds when it asks for every change. From then on it misses changes, as others do.
MAX_HELD = 10_000
#: Row changes kept of one entity.
MAX_CHANGES = 50
#: Losses of one entity whose order is kept. Sellers that lose it after these are kept without the order.
MAX_LOSSES = 50
#: Rows of one type and shard that one statement clears away.
_CLEARED_AT_ONCE = 200


class MissedChange(NamedTuple):
    """A change of one entity, to be recorded.

    Attributes:
        is_updated: Whether it is an UPDATE, or a CREATE that later transactions have changed.
        former_seller_ids: Its seller before it was deleted, and each seller that it has left, oldest first.
    """

    entity_type: str
    entity_id: int
    operation: WebhookEventName
    is_updated: bool
    columns: Collection[str]
    changes: Sequence[RowChange]
    is_cut: bool
    former_seller_ids: Sequence[int]
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MissedEntity:
    """All recorded changes of one entity together.

    Attributes:
        turn: The number of the last change, in the order of recording.
        created_turn: The number of its creation. None: it was not created.
        updated_turn: The number of its last update. None: it was not updated.
        former_seller_ids: The sellers that have lost it.
        losses: Turn and seller of its first MAX_LOSSES losses, in their order.
    """

    entity_id: int
    turn: int
    created_turn: int | None
    updated_turn: int | None
    former_seller_ids: frozenset[int]
    losses: Sequence[tuple[int, int]]
    columns: frozenset[str]
    changes: Sequence[RowChange]
    is_cut: bool
    changed_at: datetime

    def find_owner_at(self, turn: int) -> int | None:
        """Return the seller that it belonged to at a turn; None if nothing tells.

        The first loss after the turn tells: whoever loses an entity first has had it.
        """
        return next((seller_id for lost_at, seller_id in self.losses if lost_at > turn), None)


async def record_missed(conn: Connection, changes: Sequence[MissedChange]) -> None:
    """Record changes, at most one of each entity, by one statement. The caller has locked the entities' shards.

    They are written in the order of the key, so that the sweep and publishers do not wait in a circle. The first
    MAX_CHANGES row changes are kept. An update adds nothing if the row names its columns already.
    """
    if not changes:
        return
    await conn.execute(
        f"""
        insert into missed_changes as m (entity_type, entity_id, turn, created_turn, updated_turn, former_seller_ids,
          left_turns, columns, changes, is_cut, changed_at)
        select n.entity_type, n.entity_id, n.turn, case when n.is_created then n.turn end,
          case when n.is_updated then n.turn end, n.former_seller_ids,
          array_fill(n.turn, array[least(cardinality(n.former_seller_ids), {MAX_LOSSES})]),
          string_to_array(n.columns, ','), n.changes::jsonb, n.is_cut, n.changed_at
        from (
          select nextval('missed_changes_turn') as turn, o.* from (
            select entity_type, entity_id, is_created, is_updated, columns, changes, is_cut, changed_at,
              string_to_array(former_sellers, ',')::bigint[] as former_seller_ids
            from unnest($1::text[], $2::bigint[], $3::boolean[], $4::boolean[], $5::text[], $6::text[],
              $7::boolean[], $8::text[], $9::timestamptz[])
            u(entity_type, entity_id, is_created, is_updated, columns, changes, is_cut, former_sellers, changed_at)
            order by entity_type, entity_id
          ) o
        ) n
        on conflict (entity_type, entity_id) do update set turn = excluded.turn,
          created_turn = coalesce(excluded.created_turn, m.created_turn),
          updated_turn = coalesce(excluded.updated_turn, m.updated_turn),
          former_seller_ids = case
            when cardinality(m.former_seller_ids) < {MAX_LOSSES} then m.former_seller_ids || excluded.former_seller_ids
            when m.former_seller_ids @> excluded.former_seller_ids then m.former_seller_ids
            else m.former_seller_ids
              || array(select distinct s from unnest(excluded.former_seller_ids) s where s <> all (m.former_seller_ids))
            end,
          left_turns = (m.left_turns || excluded.left_turns)[:{MAX_LOSSES}],
          columns = case when m.columns @> excluded.columns then m.columns
            else array(select distinct c from unnest(m.columns || excluded.columns) c order by c) end,
          changes = case
            when jsonb_array_length(m.changes) >= {MAX_CHANGES} or {_NAMED_ALREADY} then m.changes
            else (select jsonb_agg(c.value order by c.place)
              from jsonb_array_elements(m.changes || excluded.changes) with ordinality c(value, place)
              where c.place <= {MAX_CHANGES}) end,
          is_cut = m.is_cut or excluded.is_cut or not {_NAMED_ALREADY}
            and jsonb_array_length(m.changes) + jsonb_array_length(excluded.changes) > {MAX_CHANGES},
          changed_at = greatest(m.changed_at, excluded.changed_at)
        """,
        [change.entity_type for change in changes],
        [change.entity_id for change in changes],
        [change.operation is WebhookEventName.CREATE for change in changes],
        [change.is_updated for change in changes],
        [",".join(sorted(change.columns)) for change in changes],
        [encode_row_changes(change.changes[:MAX_CHANGES]) for change in changes],
        [change.is_cut or len(change.changes) > MAX_CHANGES for change in changes],
        [",".join(map(str, _bounded(change.former_seller_ids))) for change in changes],
        [change.changed_at for change in changes],
    )


def _bounded(seller_ids: Sequence[int]) -> Sequence[int]:
    """Keep the order of the first ones, and of the others each seller once."""
    first = seller_ids[:MAX_LOSSES]
    return [*first, *sorted({*seller_ids}.difference(first))]


_NAMED_ALREADY = "(m.changes @> excluded.changes and not jsonb_path_exists(excluded.changes, '$[*] ? (@.op != \"u\")'))"


async def list_missed(conn: Connection, entity_type: str, *, shard: int, after: int, limit: int) -> list[MissedEntity]:
    """List what was missed after a turn in one shard, which the caller has locked; by turn."""
    rows = await conn.fetch(
        "select entity_id, turn, created_turn, updated_turn, former_seller_ids, left_turns, columns,"
        " changes::text, is_cut, changed_at"
        " from missed_changes where entity_type = $1 and shard = $2 and turn > $3 order by turn limit $4",
        entity_type,
        shard,
        after,
        limit,
    )
    return [
        MissedEntity(
            entity_id=row["entity_id"],
            turn=row["turn"],
            created_turn=row["created_turn"],
            updated_turn=row["updated_turn"],
            former_seller_ids=frozenset(row["former_seller_ids"]),
            losses=list(zip(row["left_turns"], row["former_seller_ids"], strict=False)),
            columns=frozenset(row["columns"]),
            changes=decode_row_changes(row["changes"]),
            is_cut=row["is_cut"],
            changed_at=row["changed_at"],
        )
        for row in rows
    ]


async def list_created(conn: Connection, entity_type: str, ids: Collection[int]) -> dict[int, int]:
    """Return the turn of the last missed CREATE of each of these entities; without those that have none.

    A webhook whose `missed_since` is less, and that was given nothing of the entity, has not heard of its creation.
    """
    rows = await conn.fetch(
        "select entity_id, created_turn from missed_changes"
        " where entity_type = $1 and entity_id = any($2::bigint[]) and created_turn is not null",
        entity_type,
        list(ids),
    )
    return {row["entity_id"]: row["created_turn"] for row in rows}


async def get_turn(conn: Connection) -> int:
    """Return the last turn that was taken."""
    turn: int = await conn.fetchval("select last_value from missed_changes_turn")
    return turn


async def begin_missing(conn: Connection, ids: Collection[WebhookId]) -> dict[WebhookId, int]:
    """Note that disabled webhooks miss changes from now on, of those given that hold MAX_HELD events.

    To be called before anything else is locked but the shards, and before `record_missed`: it locks the webhooks, in
    which it notes that, until the transaction ends.
    Returns: those that miss changes, with the turn after which they do.
    """
    rows = await conn.fetch(
        """
        select w.id from unnest($1::bigint[]) w(id) where $2 <= (
          select count(*) from (
            select from webhook_events_open e where +e.webhook_id = w.id and e.state = 'HELD' limit $2) held)
        order by w.id
        """,
        list(ids),
        MAX_HELD,
    )
    full = [WebhookId(row["id"]) for row in rows]
    if not full:
        return {}
    await conn.execute(
        "update webhooks set missed_since = (select last_value from missed_changes_turn)"
        " where id = any($1::bigint[]) and missed_since is null and deleted_at is null",
        full,
    )
    rows = await conn.fetch(
        "select id, missed_since from webhooks where id = any($1::bigint[]) and missed_since is not null", full
    )
    return {WebhookId(row["id"]): row["missed_since"] for row in rows}


async def clear_missed(conn: Connection, types: Mapping[str, str]) -> int:
    """Delete some of the changes and the progress that no webhook needs any more. Return the number of rows.

    Args:
        types: The type of webhooks about each entity type.
    """
    # Before webhooks are looked at: one that was disabled since misses later turns only.
    turn = await get_turn(conn)
    rows = await conn.fetch(
        """
        select w.type, min(coalesce((select min(p) from unnest(c.positions) p), w.missed_since)) as position
        from webhooks w left join webhook_catch_ups c on c.webhook_id = w.id
        where w.missed_since is not null and w.deleted_at is null group by w.type
        """
    )
    needed = {row["type"]: row["position"] for row in rows}
    await conn.execute(
        "delete from webhook_catch_ups c using webhooks w where w.id = c.webhook_id"
        " and (w.missed_since is null or w.deleted_at is not null)"
    )
    status = await conn.execute(
        """
        delete from missed_changes where ctid = any(array(
          select d.place from unnest($1::text[], $2::bigint[]) b(entity_type, turn)
          cross join generate_series(0, 63) s(shard) cross join lateral (
            select c.ctid as place from missed_changes c
            where c.entity_type = b.entity_type and c.shard = s.shard and c.turn <= b.turn
            order by c.turn limit $3 for update skip locked) d))
        """,
        list(types),
        [min(turn, needed.get(klass, turn)) for klass in types.values()],
        _CLEARED_AT_ONCE,
    )
    return int(status.rpartition(" ")[2])
