"""Claiming: no entity is in two publishers' hands, and nothing committed is passed over."""

import asyncio

import asyncpg

from app.capture.change_events import ChangeEvent, claim_batch, mark_published
from tests.builders.variants import create_variant

SCANS = """
select seq_scan, pg_stat_get_xact_numscans('change_events_unpublished'::regclass) as by_index
from pg_stat_xact_user_tables where relname = 'change_events'
"""


async def claim_all(conn: asyncpg.Connection) -> list[ChangeEvent]:
    claimed: list[ChangeEvent] = []
    async with conn.transaction():
        while events := await claim_batch(conn, limit=1000):
            claimed += [event for event in events if event.entity_type == "Variant"]
            await mark_published(conn, [event.id for event in events])
    return claimed


async def create_variants(conn: asyncpg.Connection, count: int) -> None:
    variant = await create_variant(conn)
    await conn.execute(
        "insert into variants (advert_id, seller_id, label) select $1, $2, n::text from generate_series(2, $3::int) n",
        variant.advert_id,
        variant.seller_id,
        count,
    )


async def test_two_publishers_never_hold_one_entity(conn: asyncpg.Connection, database_url: str) -> None:
    await create_variants(conn, 300)
    await conn.execute("update variants set sku = 'again'")
    others = [await asyncpg.connect(database_url) for _ in range(4)]
    held: set[tuple[str, int]] = set()
    handled: list[int] = []

    async def publish(own: asyncpg.Connection) -> None:
        for _ in range(400):
            async with own.transaction():
                events = await claim_batch(own, limit=3)
                entities = {(event.entity_type, event.entity_id) for event in events}
                assert held.isdisjoint(entities)
                held.update(entities)
                await mark_published(own, [event.id for event in events])
                held.difference_update(entities)
            handled.extend(event.id for event in events)

    await asyncio.gather(*map(publish, others))

    assert len(set(handled)) == len(handled)
    assert await conn.fetchval("select count(*) from change_events") == len(handled) >= 600
    for other in others:
        await other.close()


async def test_one_entity_s_events_wait_for_the_publisher_that_has_it(
    conn: asyncpg.Connection, database_url: str
) -> None:
    variant = await create_variant(conn)
    other = await asyncpg.connect(database_url)

    async with conn.transaction():
        claimed = await claim_batch(conn, limit=100)
        first = [event for event in claimed if event.entity_type == "Variant"]
        await other.execute("update variants set sku = 'meanwhile'")
        meanwhile = await claim_all(other)
        await mark_published(conn, [event.id for event in claimed])
    after = await claim_all(other)
    await other.close()

    assert [event.entity_id for event in first] == [variant.id]
    assert meanwhile == []
    assert [(event.entity_id, set(event.columns)) for event in after] == [(int(variant.id), {"variants.sku"})]


async def test_a_batch_is_filled_from_as_many_shards_as_it_takes(conn: asyncpg.Connection, database_url: str) -> None:
    await create_variants(conn, 300)
    await claim_all(conn)
    await conn.execute("update variants set sku = 'again'")
    other = await asyncpg.connect(database_url)

    async with conn.transaction(), other.transaction():
        first = await claim_batch(conn, limit=100)
        second = await claim_batch(other, limit=500)
        held = await conn.fetchval(
            "select count(*) from pg_locks where locktype = 'advisory' and classid = 7201 and pid = pg_backend_pid()"
        )
    await other.close()

    assert len(first) == 100
    # No more shards than the batch needs: the second publisher has something left to do.
    assert 1 < held < 40
    assert 100 < len(second) <= 200
    assert {(one.entity_type, one.entity_id) for one in first}.isdisjoint(
        {(e.entity_type, e.entity_id) for e in second}
    )


async def test_a_late_commit_with_a_lower_id_is_not_lost(conn: asyncpg.Connection, database_url: str) -> None:
    await create_variants(conn, 2)
    await claim_all(conn)
    late = await asyncpg.connect(database_url)

    slow = late.transaction()
    await slow.start()
    await late.execute("update variants set sku = 'late' where id = 1")
    await conn.execute("update variants set sku = 'soon' where id = 2")
    soon = await claim_all(conn)
    await slow.commit()
    found = await claim_all(conn)
    await late.close()

    assert [event.entity_id for event in soon] == [2]
    assert [event.entity_id for event in found] == [1]
    assert found[0].id < soon[0].id


async def test_claiming_goes_by_the_index_of_unpublished_events(conn: asyncpg.Connection) -> None:
    await create_variants(conn, 500)
    for number in range(6):
        await conn.execute("update variants set count_on_hand = $1", number + 50)
    await claim_all(conn)
    await conn.execute(
        "update change_events set published_at = null"
        " where entity_type = 'Variant' and entity_id = 9 and operation = 'CREATE'"
    )
    await conn.execute("analyze change_events")

    before = await conn.fetchrow(SCANS)
    async with conn.transaction():
        (event,) = await claim_batch(conn, limit=500)
        after = await conn.fetchrow(SCANS)

    assert event.entity_id == 9
    assert before is not None
    assert after is not None
    # One look at each of the 64 shards in two lanes, one at the second lane, and one for the events of the entity.
    assert (after["seq_scan"] - before["seq_scan"], after["by_index"] - before["by_index"]) == (0, 130)
