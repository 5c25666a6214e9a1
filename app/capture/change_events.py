"""The outbox: claim what was recorded, mark it published, leave over what does not fit, set aside what fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

import orjson

from app.capture.row_changes import RowChange, decode_row_changes, encode_row_changes
from app.db.horizon import NOTHING_KNOWN, Horizon
from app.db.pool import Connection
from app.webhooks.db.transitions import DUE_STATES
from app.webhooks.domain.webhook import WebhookEventName


class Lane(IntEnum):
    """The queue in which a change event waits. Publishers take the lanes in turns, so that none holds up another."""

    ORDINARY = 0
    """A change of a usual size."""
    BULK = 1
    """A change of a transaction that changed many entities, or one that a full step left over."""
    HEAVY = 2
    """A change with large bodies or many webhooks. One publisher at a time takes such changes."""
    SET_ASIDE = 3
    """A change that could not be published. It waits until a person has it tried again."""


#: The members by their values. A call of the enumeration takes five times as long, and each event needs three.
_LANES = {lane.value: lane for lane in Lane}
_OPERATIONS = {name.value: name for name in WebhookEventName}


class ChangeEvent(NamedTuple):
    """One statement's change of one entity.

    Attributes:
        columns: The changed columns as `table.column`; `table.*` if a row was added or removed. A column of a sibling's
            row is `adverts/table.column`.
        changes: The rows that have changed; at most 50.
        seller_id: For a DESTROY of an entity that was deleted for good: its seller. For an UPDATE that moved the
            entity: its former seller. Else None.
        webhook_ids: The webhooks that are still to be told. None: all of them.
        claimed_lane: The lane in which the publisher found this event, or another event of the same entity.
        has_new_webhooks: Whether the publisher has to read webhooks anew before it publishes this event.
    """

    id: int
    txid: int
    entity_type: str
    entity_id: int
    operation: WebhookEventName
    columns: frozenset[str]
    changes: Sequence[RowChange]
    is_cut: bool
    seller_id: int | None
    recorded_at: datetime
    lane: Lane = Lane.ORDINARY
    webhook_ids: frozenset[int] | None = None
    claimed_lane: Lane = Lane.ORDINARY
    has_new_webhooks: bool = True


class Leftover(NamedTuple):
    """A change event that a step did not finish, as it is to wait for the next one.

    Attributes:
        webhook_ids: The webhooks that are still to be told. None: all of them.
    """

    id: int
    lane: Lane
    webhook_ids: frozenset[int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """Updates of related entities that follow from a published event.

    Attributes:
        below: The type of the related entities.
        sql: A SELECT of their ids from `{id}`, the id of the event's own entity.
        excepted: An entity that is left out; None when none is.
    """

    event: ChangeEvent
    below: str
    sql: str
    excepted: int | None
    columns: frozenset[str]
    changes: Sequence[RowChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Whether anything waits to be published; is due to be delivered; is a run over many rows that can move on."""

    publish: bool
    deliver: bool
    advance: bool


async def claim_batch(
    conn: Connection,
    *,
    limit: int,
    first_lane: Lane = Lane.ORDINARY,
    floors: Sequence[int] = (0, 0, 0),
    webhooks_known: Horizon = NOTHING_KNOWN,
) -> list[ChangeEvent]:
    """Lock shards until the transaction ends and return the oldest unpublished events of one lane.

    Args:
        limit: Number of events, at most.
        first_lane: The lane that is looked into first; the others follow while nothing is found.
        floors: Of each lane but the last: `Floors.turns`.
        webhooks_known: Up to where the webhooks are known.

    Returns:
        Events, shard by shard; those of one entity oldest first, and of all lanes. Empty when nothing waits that
        another publisher does not have already.

    Source: migrations/functions/claim_change_events.sql.
    """
    rows = await conn.fetch(
        "select * from claim_change_events($1, $2, $3, $4, $5)", limit, int(first_lane), list(floors), *webhooks_known
    )
    return [
        ChangeEvent(
            id=row["id"],
            txid=row["txid"],
            entity_type=row["entity_type"],
            entity_id=row["entity_id"],
            operation=_OPERATIONS[row["operation"]],
            columns=frozenset(row["columns"]),
            changes=decode_row_changes(row["changes"]),
            is_cut=row["is_cut"],
            seller_id=row["seller_id"],
            recorded_at=row["recorded_at"],
            lane=_LANES[row["lane"]],
            webhook_ids=None if row["webhook_ids"] is None else frozenset(row["webhook_ids"]),
            claimed_lane=_LANES[row["claimed_lane"]],
            has_new_webhooks=row["has_new_webhooks"],
        )
        for row in rows
    ]


async def mark_published(conn: Connection, ids: Sequence[int], *, floor: int = 0) -> bool:
    """Mark them, all with the same time: that is how `webhookExplain` knows what was published together.

    Args:
        conn: The connection with the transaction.
        ids: The change events.
        floor: The lowest id that is looked at for others that wait. What a step has left over may be below.

    Returns:
        Whether others wait. Other publishers may have claimed them.
    """
    # In one statement, which saves each step a claim that finds nothing.
    is_more: bool = await conn.fetchval(
        """
        with published as (
          update change_events set published_at = statement_timestamp()
          where published_at is null and id = any($1::bigint[])
        )
        select count(*) > $2 from (select from change_events_open where id >= $3 and +lane < 3 limit $2 + 1) waiting
        """,
        list(ids),
        len(ids),
        floor,
    )
    return is_more


async def leave_over(conn: Connection, leftovers: Sequence[Leftover]) -> None:
    """Let change events wait for a later step, behind all that waits in their lane by now."""
    await conn.execute(
        """
        update change_events_open e set turn = nextval('change_events_id_seq'),
          -- By keys and not by a join, which is planned while hardly anything waits. In a SELECT, each is read once.
          lane = ((select $2::text::jsonb) ->> e.id::text)::smallint,
          webhook_ids = ((select $3::text::jsonb) ->> e.id::text)::bigint[]
        where e.id = any($1::bigint[])
        """,
        [one.id for one in leftovers],
        orjson.dumps({str(one.id): int(one.lane) for one in leftovers}).decode(),
        orjson.dumps(
            {str(one.id): _array(one.webhook_ids) for one in leftovers if one.webhook_ids is not None}
        ).decode(),
    )


def _array(ids: frozenset[int]) -> str:
    """Return PostgreSQL's text of an array."""
    return f"{{{','.join(map(str, sorted(ids)))}}}"


async def list_destroyed_since(conn: Connection, seen: Mapping[tuple[str, int], int]) -> set[tuple[str, int]]:
    """Find the entities whose destroy waits. `seen`: entity → the last change event that was claimed of it."""
    rows = await conn.fetch(
        """
        select s.entity_type, s.entity_id from unnest($1::text[], $2::bigint[], $3::bigint[])
          s(entity_type, entity_id, last_id)
        where exists (select from change_events_open e
          where e.entity_type = s.entity_type and e.entity_id = s.entity_id and +e.id > s.last_id and e.lane < 3
            and e.operation = 'DESTROY'
          -- Keeps this from becoming a join with all that waits, which is planned while hardly anything does.
          offset 0)
        """,
        [entity_type for entity_type, _ in seen],
        [entity_id for _, entity_id in seen],
        list(seen.values()),
    )
    return {(row["entity_type"], row["entity_id"]) for row in rows}


async def set_aside(conn: Connection, ids: Sequence[int], failure: str) -> None:
    """Keep change events that can't be published out of everybody's way, and raise PUBLISH_FAILED for the operator."""
    await conn.execute(
        "update change_events_open set lane = 3, failure = $2 where id = any($1::bigint[])", list(ids), failure
    )
    await conn.execute("insert into operational_events (kind, reason) values ('PUBLISH_FAILED', $1)", failure)


async def retry_set_aside(conn: Connection) -> int:
    """Have everything that was set aside published again. Returns how many change events that is."""
    status = await conn.execute(
        # A turn of their own: publishers look for none that is lower than what waited before.
        "update change_events_open set lane = 1, failure = null, turn = nextval('change_events_id_seq') where lane = 3"
    )
    # Publishers that look for work begin above these events' ids.
    await conn.execute("notify tellgraph")
    return int(status.removeprefix("UPDATE "))


async def insert_follow_up(conn: Connection, follow_up: FollowUp) -> None:
    """Record follow-up updates of related entities, with the transaction and the time of the event."""
    await conn.execute(
        f"""
        insert into change_events (txid, entity_type, entity_id, operation, columns, changes, is_cut, actor,
          recorded_at)
        select e.txid, $2, d.id, 'UPDATE', $3, $4::text::jsonb, e.is_cut, e.actor, e.recorded_at
        from change_events_open e cross join lateral ({follow_up.sql.format(id="e.entity_id")}) d(id)
        where e.id = $1 and d.id is distinct from $5
        """,
        follow_up.event.id,
        follow_up.below,
        sorted(follow_up.columns),
        encode_row_changes(follow_up.changes),
        follow_up.excepted,
    )


async def may_prepare_transactions(conn: Connection) -> bool:
    """Tell whether the server allows prepared transactions. Then no commit notifies workers (tellgraph_ring.sql)."""
    return bool(await conn.fetchval("select current_setting('max_prepared_transactions') <> '0'"))


async def work_waits(conn: Connection, *, floor: int = 0) -> Waiting:
    """Tell which work waits for workers. Each answer is one look-up in an index.

    Args:
        conn: The connection.
        floor: The lowest id of a change event that is looked for. What a step has left over may be below.
    """
    # statement_timestamp(): by the volatile clock_timestamp() no index can be searched, and each look would read
    # all events that wait for their retry.
    row = await conn.fetchrow(
        f"""
        select exists (select from change_events_open where id >= $1 and +lane < 3) as publish,
          exists (select from webhook_events_open where state in ({DUE_STATES})
            and not is_pulled and due_at <= statement_timestamp()) as deliver,
          exists (select from webhook_replays where state = 'RUNNING')
            or exists (select from webhook_backfills b join webhooks w on w.id = b.webhook_id and w.is_enabled
              where b.state = 'RUNNING' and b.due_at <= statement_timestamp())
            or exists (select from webhook_reconciles r join webhooks w on w.id = r.webhook_id and w.is_enabled
              where r.state = 'RUNNING' and r.due_at <= statement_timestamp())
            or exists (select from webhook_events e join webhooks w on w.id = e.webhook_id and w.is_enabled
              where e.state = 'RENDER_FAILED' and e.due_at is not null)
            or exists (select from webhooks w where w.is_enabled and w.missed_since is not null
              and w.deleted_at is null) as advance
        """,
        floor,
    )
    assert row is not None
    return Waiting(publish=row["publish"], deliver=row["deliver"], advance=row["advance"])
