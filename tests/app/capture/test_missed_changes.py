"""One row for each entity that disabled webhooks have missed changes of."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import asyncpg
import pytest

from app.capture.change_events import work_waits
from app.capture.missed_changes import (
    MAX_CHANGES,
    MAX_LOSSES,
    MissedChange,
    MissedEntity,
    clear_missed,
    list_created,
    list_missed,
    record_missed,
)
from app.capture.row_changes import RowChange
from app.webhooks.db.webhook_event_changes import hold_overlooked, release_overlooked
from app.webhooks.domain.webhook import WebhookEventName
from tests.builders.deliveries import create_due_events, create_subscription

URL = "http://127.0.0.1:9/"
AT = datetime(2026, 1, 1, tzinfo=UTC)
CREATE, UPDATE, DESTROY = WebhookEventName
TYPES = {"Invoice": "INVOICE", "Variant": "VARIANT"}


def row(*columns: str, id: int = 1, op: Literal["i", "u", "d"] = "u") -> RowChange:
    return RowChange(table="invoices", id=id, parents=(), operation=op, columns=columns)


def change(operation: WebhookEventName = UPDATE, *rows: RowChange, entity_id: int = 1, **given: Any) -> MissedChange:
    values = {
        "entity_type": "Invoice",
        "entity_id": entity_id,
        "operation": operation,
        "is_updated": operation is UPDATE,
        "columns": {f"invoices.{column}" for one in rows for column in one.columns},
        "changes": rows,
        "is_cut": False,
        "former_seller_ids": (),
        "changed_at": AT,
    }
    return MissedChange(**{**values, **given})


async def read(conn: asyncpg.Connection) -> list[MissedEntity]:
    found = [await list_missed(conn, "Invoice", shard=shard, after=0, limit=99) for shard in range(64)]
    return sorted((one for part in found for one in part), key=lambda one: one.turn)


async def test_changes_of_one_entity_are_one_row_with_all_that_they_say(conn: asyncpg.Connection) -> None:
    await record_missed(conn, [change(CREATE, row(op="i"), former_seller_ids=())])
    await record_missed(conn, [change(UPDATE, row("a", "b"), changed_at=AT + timedelta(hours=1))])
    await record_missed(conn, [change(DESTROY, row(op="d"), former_seller_ids=[7], is_cut=True)])

    (found,) = await read(conn)

    assert found == MissedEntity(
        entity_id=1,
        turn=4,
        created_turn=2,
        updated_turn=3,
        former_seller_ids=frozenset({7}),
        losses=[(4, 7)],
        columns=frozenset({"invoices.a", "invoices.b"}),
        changes=[row(op="i"), row("a", "b"), row(op="d")],
        is_cut=True,
        changed_at=AT + timedelta(hours=1),
    )


async def test_the_order_of_the_first_losses_is_kept_and_every_seller_that_lost_it(conn: asyncpg.Connection) -> None:
    await record_missed(conn, [change(former_seller_ids=[7, 8])])
    await record_missed(conn, [change(former_seller_ids=[7] * (MAX_LOSSES - 3))])
    await record_missed(conn, [change(former_seller_ids=[9, *range(1_000, 3_000), 7])])
    await record_missed(conn, [change(former_seller_ids=[8, 10])])
    await record_missed(conn, [change(former_seller_ids=[8, 10])])

    (found,) = await read(conn)

    assert found.former_seller_ids == {7, 8, 9, 10, *range(1_000, 3_000)}
    assert found.losses == [(2, 7), (2, 8), *[(3, 7)] * (MAX_LOSSES - 3), (4, 9)]
    assert await conn.fetchval("select cardinality(former_seller_ids) from missed_changes") < MAX_LOSSES + 2_010
    assert [found.find_owner_at(turn) for turn in (1, 2, 3, 4)] == [7, 7, 9, None]


async def test_an_update_of_what_is_named_already_adds_nothing_and_what_is_removed_does(
    conn: asyncpg.Connection,
) -> None:
    for _ in range(MAX_CHANGES):
        await record_missed(conn, [change(UPDATE, row("a"))])
        await record_missed(conn, [change(UPDATE, row("b"))])
    await record_missed(conn, [change(UPDATE, row(id=2, op="d"))])
    await record_missed(conn, [change(UPDATE, row(id=2, op="i"))])
    await record_missed(conn, [change(UPDATE, row(id=2, op="d"))])

    (found,) = await read(conn)

    assert [(one.operation, one.columns) for one in found.changes] == [
        ("u", ("a",)),
        ("u", ("b",)),
        ("d", ()),
        ("i", ()),
        ("d", ()),
    ]
    assert not found.is_cut


async def test_the_first_row_changes_are_kept(conn: asyncpg.Connection) -> None:
    for id_ in range(MAX_CHANGES + 5):
        await record_missed(conn, [change(UPDATE, row("a", id=id_))])

    (found,) = await read(conn)

    assert [one.id for one in found.changes] == list(range(MAX_CHANGES))
    assert found.is_cut


async def test_says_what_was_created(conn: asyncpg.Connection) -> None:
    await record_missed(conn, [change(CREATE, entity_id=1), change(UPDATE, entity_id=2)])

    assert await list_created(conn, "Invoice", [1, 2, 3]) == {1: 2}


async def test_what_deliveries_note_about_a_webhook_changes_no_index_of_it(conn: asyncpg.Connection) -> None:
    """While a webhook fails, each failure may lengthen its pause. Only a change of its health is in an index."""
    await create_subscription(conn, URL)
    await conn.execute("update webhooks set is_failing = true, failing_since = now(), paused_until = now()")
    async with conn.transaction():
        await conn.execute("update webhooks set paused_until = now() + interval '1 min'")

        in_place = "select n_tup_hot_upd from pg_stat_xact_user_tables where relname = 'webhooks'"
        assert await conn.fetchval(in_place) == 1


async def test_workers_are_asked_for_when_an_enabled_webhook_has_missed_something(conn: asyncpg.Connection) -> None:
    await create_subscription(conn, URL, is_enabled=False)
    asked = [(await work_waits(conn)).advance]

    for sql in ("is_enabled = true", "missed_since = null"):
        await conn.execute(f"update webhooks set {sql}")
        asked.append((await work_waits(conn)).advance)

    assert asked == [False, True, False]


@pytest.mark.parametrize(
    ("sql", "misses"),
    [
        ("is_enabled = false", True),
        ("is_enabled = false, every_change = true", False),
        ("is_enabled = true", False),
        ("is_failing = true, failing_since = now()", False),
        ("is_enabled = false, deleted_at = now()", False),
    ],
)
async def test_who_disables_a_webhook_notes_since_when_it_misses_changes(
    conn: asyncpg.Connection, sql: str, misses: bool
) -> None:
    await create_subscription(conn, URL)
    await record_missed(conn, [change()])

    await conn.execute(f"update webhooks set {sql}")

    since, turn = (await conn.fetch("select missed_since, enabled_turn from webhooks"))[0]
    assert (since, turn) == (2 if misses else None, None)


async def test_it_misses_changes_until_it_has_caught_up_however_often_it_is_enabled(conn: asyncpg.Connection) -> None:
    await create_subscription(conn, URL, is_enabled=False)
    seen = []
    for is_enabled in (True, False, True):
        await record_missed(conn, [change()])
        await conn.execute("update webhooks set is_enabled = $1", is_enabled)
        seen.append(tuple(*await conn.fetch("select missed_since, enabled_turn from webhooks")))

    await conn.execute("update webhooks set is_enabled = false, deleted_at = now()")

    assert seen == [(1, 3), (1, 3), (1, 6)]
    assert await conn.fetchval("select missed_since from webhooks") is None


async def test_one_that_held_every_change_misses_them_from_when_it_asks_for_them_no_more(
    conn: asyncpg.Connection,
) -> None:
    await create_subscription(conn, URL, is_enabled=False, every_change=True)
    await record_missed(conn, [change()])

    await conn.execute("update webhooks set every_change = false")

    assert await conn.fetchval("select missed_since from webhooks") == 2


async def test_what_a_webhook_has_to_catch_up_with_is_kept_and_the_rest_is_cleared(conn: asyncpg.Connection) -> None:
    await record_missed(conn, [change(entity_id=n) for n in (1, 2)])
    await create_subscription(conn, URL, is_enabled=False)
    await create_subscription(conn, URL, is_enabled=False, deleted_at=AT)
    await record_missed(conn, [change(entity_id=n) for n in (2, 3)])
    await record_missed(conn, [change(entity_type="Variant")])

    cleared = await clear_missed(conn, TYPES)
    kept = [one.entity_id for one in await read(conn)]
    await conn.execute("update webhooks set is_enabled = false, deleted_at = now()")

    assert (cleared, kept) == (2, [2, 3])
    assert await clear_missed(conn, TYPES) == 2


async def test_what_a_webhook_misses_that_is_being_disabled_is_kept(
    conn: asyncpg.Connection, database_url: str
) -> None:
    await create_subscription(conn, URL)
    await record_missed(conn, [change()])
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("update webhooks set is_enabled = false")
        # Its turns are later than the one that was noted.
        await record_missed(conn, [change(entity_id=2)])
        before = await clear_missed(conn, TYPES)
    await record_missed(conn, [change(entity_id=3)])

    after = await clear_missed(conn, TYPES)

    assert (before, after, [one.entity_id for one in await read(conn)]) == (2, 0, [3])
    await other.close()


async def test_clearing_waits_for_no_publisher(conn: asyncpg.Connection, database_url: str) -> None:
    await record_missed(conn, [change(entity_id=n) for n in (1, 2)])
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await record_missed(other, [change(entity_id=2)])
        await conn.execute("set lock_timeout = '1s'")

        cleared = await clear_missed(conn, TYPES)

    assert (cleared, [one.entity_id for one in await read(conn)]) == (1, [2])
    await other.close()


async def test_the_sweep_reads_no_more_of_webhook_events_however_many_are_held(conn: asyncpg.Connection) -> None:
    """It took 0.2 s, every 5 s, where a disabled webhook held 300,000 and nobody had analyzed them since."""
    disabled = await create_subscription(conn, URL, is_enabled=False)
    enabled = await create_subscription(conn, URL)
    await create_due_events(conn, disabled, 5_000, state="HELD")
    await create_due_events(conn, enabled, 5_000, state="PENDING")
    reads = (
        "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables"
        " where relname = 'webhook_events_open'"
    )
    async with conn.transaction():
        await hold_overlooked(conn)
        await release_overlooked(conn)

        assert await conn.fetchval(reads) < 50
