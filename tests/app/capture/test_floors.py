"""Floors rise behind what was published, and never above what is recorded but not committed yet."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import pytest

from app.capture import change_events, floors
from app.capture.change_events import ChangeEvent, Lane, Leftover, claim_batch, leave_over, mark_published, work_waits
from app.capture.floors import Floors
from tests.builders.variants import create_variant
from tests.support.waiting import until

Conn = asyncpg.Connection


@pytest.fixture(autouse=True)
def at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(floors, "_LOOK_S", 0.0)


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Conn]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def change(conn: Conn, sku: str = "%") -> None:
    await conn.execute("update variants set count_on_hand = count_on_hand + 1 where sku like $1", sku)


async def claim(conn: Conn, found: Floors, first_lane: Lane = Lane.ORDINARY) -> list[ChangeEvent]:
    async with conn.transaction():
        return await claim_batch(conn, limit=500, floors=found.turns, first_lane=first_lane)


async def publish(conn: Conn, found: Floors) -> list[int]:
    """Publish all that is found. Return the ids, rising."""
    ids = []
    async with conn.transaction():
        while events := await claim_batch(conn, limit=500, floors=found.turns):
            ids += [event.id for event in events]
            await mark_published(conn, [event.id for event in events])
    return sorted(ids)


async def rise(conn: Conn, found: Floors, expected: list[int]) -> None:
    """Look until the floors are these. Transactions of other databases hold them down, too."""

    async def have_risen() -> bool:
        await found.look(conn)
        return found.turns == expected

    await until(have_risen)


async def look(conn: Conn, found: Floors) -> None:
    for _ in range(3):
        await found.look(conn)


async def last_id(conn: Conn) -> int:
    found: int = await conn.fetchval("select last_value from change_events_id_seq")
    return found


async def test_floors_rise_behind_what_was_published(conn: Conn) -> None:
    found = Floors()
    await create_variant(conn)
    await publish(conn, found)
    published = await last_id(conn)

    await rise(conn, found, [published] * 3)

    await change(conn)
    assert await publish(conn, found) > [published]


async def test_floors_stay_below_what_waits_lane_by_lane(conn: Conn) -> None:
    found = Floors()
    await create_variant(conn)
    await publish(conn, found)
    await change(conn)
    waiting = await conn.fetch("select id from change_events_open order by id")
    await leave_over(conn, [Leftover(waiting[0]["id"], Lane.HEAVY, None)])
    turn = await conn.fetchval("select turn from change_events_open where lane = 2")
    await conn.execute("select nextval('change_events_id_seq') from generate_series(1, 10)")

    last = await last_id(conn)
    first_of_others = min((row["id"] for row in waiting[1:]), default=last)
    await rise(conn, found, [first_of_others, last, turn])

    assert waiting[0]["id"] in await publish(conn, found)


async def test_what_is_committed_late_is_found(conn: Conn, other: Conn) -> None:
    """Its turn is given when it is recorded. Until it is committed, newer ones are published around it."""
    found = Floors()
    await create_variant(conn, sku="early")
    await create_variant(conn, sku="late")
    await publish(conn, found)
    writing = other.transaction()
    await writing.start()
    await change(other, "late")
    for _ in range(5):
        await change(conn, "early")
        await publish(conn, found)
        await look(conn, found)
    await writing.commit()

    before = found.turns
    late = await publish(conn, found)

    assert len(late) > 0
    assert late[-1] < await last_id(conn)
    assert max(before) < late[0]
    await rise(conn, found, [await last_id(conn)] * 3)


async def test_a_snapshot_that_only_reads_holds_no_floor_down(conn: Conn, other: Conn) -> None:
    found = Floors()
    reading = other.transaction(isolation="repeatable_read", readonly=True)
    await reading.start()
    await other.fetchval("select count(*) from variants")
    await create_variant(conn)
    await publish(conn, found)

    await rise(conn, found, [await last_id(conn)] * 3)

    await reading.rollback()


async def test_what_was_set_aside_gets_a_turn_of_its_own(conn: Conn) -> None:
    found = Floors()
    await create_variant(conn)
    events = await claim(conn, found)
    await change_events.set_aside(conn, [event.id for event in events], "no")
    await publish(conn, found)
    await change(conn)
    await publish(conn, found)
    await rise(conn, found, [await last_id(conn)] * 3)
    assert found.lowest > max(event.id for event in events)

    await change_events.retry_set_aside(conn)

    assert {event.id for event in await claim(conn, found)} == {event.id for event in events}


async def test_full_look_finds_what_is_below_its_floor(conn: Conn, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing should be; but somebody may write to the table by hand."""
    found = Floors()
    await create_variant(conn)
    event, *_ = await publish(conn, found)
    await rise(conn, found, [await last_id(conn)] * 3)
    await conn.execute("update change_events set published_at = null where id = $1", event)
    await look(conn, found)
    assert await claim(conn, found) == []
    assert not (await work_waits(conn, floor=found.lowest)).publish
    assert (await work_waits(conn)).publish

    monkeypatch.setattr(floors, "_FULL_LOOK_S", 0.0)
    await found.look(conn)

    assert [one.id for one in await claim(conn, found)] == [event]


async def test_floors_begin_anew_at_another_server(conn: Conn) -> None:
    """After a failover to one that has not got the last changes, turns are given a second time."""
    found = Floors()
    await create_variant(conn)
    published = await publish(conn, found)
    await conn.execute("select setval('change_events_id_seq', 1000)")
    await rise(conn, found, [1000] * 3)
    found._server_started_at = datetime(2026, 1, 1, tzinfo=UTC)
    await conn.execute("select setval('change_events_id_seq', $1::bigint)", max(published))
    await change(conn)
    assert await claim(conn, found) == []

    await found.look(conn)

    assert found.turns == [0, 0, 0]
    assert len(await claim(conn, found)) > 0
