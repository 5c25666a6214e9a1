"""A snapshot that somebody keeps open, as a backup does, makes no change dearer: dead rows are passed over.

Counted are the entries of the queue's indexes that are read for one change, from its claim to the record of its POST.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from app.capture import floors
from app.capture.change_events import work_waits
from app.db.pool import connection
from app.webhooks.db.webhooks import WebhookId, find_webhook
from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.deliveries import create_due_events
from tests.builders.variants import create_variant
from tests.support.outbox import recorded, running_publisher
from tests.support.receiver import Receiver
from tests.support.waiting import until
from workers.deliver.job import Deliverer
from workers.publish.job import publish_all

#: So many events pass through the queue while the snapshot is open; and so many changes are measured.
PASSED, MEASURED = 3_000, 20
QUEUE = ("change_events_open", "webhook_events_open")
ROOT = Path(floors.__file__).parents[2]


@asynccontextmanager
async def connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database_url)
    try:
        yield conn
    finally:
        await conn.close()


async def count_reads(conn: asyncpg.Connection, staying: int) -> int:
    """Count what all connections of the database have read of the queue. They tell it at the latest when they end."""

    async def others_have_ended() -> bool:
        others = "select count(*) from pg_stat_activity where datname = current_database() and pid <> all($1::int[])"
        own = conn.get_server_pid()
        number: int = await conn.fetchval(f"{others} and backend_type = 'client backend'", [own, staying])
        return number == 0

    await until(others_have_ended)
    await conn.execute("select pg_stat_clear_snapshot()")
    by_index = await conn.fetchval("select sum(idx_tup_read) from pg_stat_user_indexes where relname = any($1)", QUEUE)
    in_order = await conn.fetchval("select sum(seq_tup_read) from pg_stat_user_tables where relname = any($1)", QUEUE)
    return int(by_index + in_order)


async def pass_through(conn: asyncpg.Connection, webhook_id: int) -> None:
    """Leave what so many changes leave in the queue's tables when they have been published and delivered."""
    await conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut)"
        " select 'Variant', n, 'UPDATE', '{variants.count_on_hand}', '[]', false from generate_series(1, $1::int) n",
        PASSED,
    )
    await conn.execute("update change_events set published_at = now() where published_at is null")
    webhook = await find_webhook(conn, WebhookId(webhook_id))
    assert webhook is not None
    await create_due_events(conn, webhook, PASSED, first_entity=1_000, state="SENDING")
    await conn.execute("update webhook_events set lease_until = now() - interval '1 min' where state = 'SENDING'")
    await conn.execute(
        "update webhook_events set state = 'DELIVERED', lease_until = null, finished_at = now() where state = 'SENDING'"
    )
    # Autovacuum does so, and then the tables seem to be empty.
    for table in QUEUE:
        await conn.execute(f"analyze {table}")


@pytest.mark.parametrize("is_analyzed_before", [False, True])
async def test_change_costs_the_same_while_a_snapshot_is_kept(
    database_url: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, is_analyzed_before: bool
) -> None:
    monkeypatch.setattr(floors, "_LOOK_S", 0.0)

    async def measure(watching: asyncpg.Connection, keeping: asyncpg.Connection) -> float:
        async with connected(database_url) as writer, running_publisher(writer, database_url) as publisher:
            resources = publisher.resources
            last: int = await writer.fetchval("select last_value from change_events_id_seq")

            async def have_risen() -> bool:
                await resources.floors.look(writer)
                return resources.floors.lowest == last

            # Transactions of other databases hold them down, too.
            await until(have_risen)
        before = await count_reads(watching, keeping.get_server_pid())
        async with connected(database_url) as writer, running_publisher(writer, database_url) as publisher:
            publisher.resources.floors = resources.floors
            async with Deliverer(publisher.resources).recording() as deliverer:
                for _ in range(MEASURED):
                    await writer.execute("update variants set count_on_hand = count_on_hand + 1")
                    await publish_all(publisher.resources, deliverer)
                    await until(lambda: _is_idle(deliverer))
                    async with connection(publisher.resources.database) as conn:
                        await work_waits(conn, floor=publisher.resources.floors.lowest)
        return (await count_reads(watching, keeping.get_server_pid()) - before) / MEASURED

    async with connected(database_url) as watching, connected(database_url) as keeping:
        async with connected(database_url) as conn, running_publisher(conn, database_url) as publisher:
            await create_variant(conn)
            await recorded(conn)
            webhook_id = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, url=receiver.url())
            if is_analyzed_before:
                await conn.execute("analyze")
        alone = await measure(watching, keeping)
        async with keeping.transaction(isolation="repeatable_read", readonly=True):
            await keeping.fetchval("select count(*) from webhooks")
            async with connected(database_url) as conn:
                await pass_through(conn, webhook_id)
            beside = await measure(watching, keeping)

    assert len(receiver.deliveries) == 2 * MEASURED
    # Some looks at everything are made now and then; not one for each change.
    assert beside < 1.5 * alone + 2 * PASSED / MEASURED, (alone, beside)


async def test_no_statement_can_be_planned_by_an_index_that_has_its_column_behind_others(
    conn: asyncpg.Connection,
) -> None:
    # It costs the same by the planner while the queue seems to be empty, and is read as a whole.
    rows = await conn.fetch(
        """
        select i.indrelid::regclass::text as table, pg_get_indexdef(i.indexrelid, k, true) as column, k = 1 as is_first,
          i.indpred is null as is_of_all_rows
        from pg_index i cross join generate_series(1, i.indnkeyatts) k where i.indrelid::regclass::text = any($1)
        """,
        QUEUE,
    )
    expressions = [row for row in rows if "+" in row["column"]]
    first = {(row["table"], row["column"]) for row in expressions if row["is_first"]}
    behind = {(row["table"], row["column"]) for row in expressions if row["is_of_all_rows"] and not row["is_first"]}

    assert ("webhook_events_open", "(+ webhook_id)") in first
    assert ("webhook_events_open", "(0 + webhook_id)") in behind
    assert first & behind == set()


def test_events_are_found_by_their_ids_as_the_index_has_them() -> None:
    paths = [path for folder in ("app", "workers") for path in (ROOT / folder).rglob("*.*") if _is_ours(path)]
    found = [line for path in paths for line in re.findall(r".*\+ ?(?:[a-z]\.)?id = .*", path.read_text())]

    assert len(found) > 10
    assert [line for line in found if "0 + " not in line] == []


def _is_ours(path: Path) -> bool:
    return path.suffix in (".py", ".sql") and "node_modules" not in path.parts


async def _is_idle(deliverer: Deliverer) -> bool:
    return deliverer.in_flight == 0
