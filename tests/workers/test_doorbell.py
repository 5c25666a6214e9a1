"""Commits ring the doorbell: rarely, but never too rarely."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import asyncpg
import pytest

from app.capture.change_events import Lane, Leftover, leave_over
from app.kernel.cancellation import cancel_tasks
from app.webhooks.jobs import Job
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.variants import create_variant
from tests.support.platform import settings_for
from tests.support.waiting import until
from workers import doorbell
from workers.doorbell import Doorbell
from workers.resources import Resources, open_resources


@dataclass(slots=True)
class Bell:
    """A doorbell whose jobs begin at once, and do nothing."""

    resources: Resources
    doorbell: Doorbell | None = None
    rings: list[tuple[Job, float]] = field(default_factory=list)
    connections: list[bool] = field(default_factory=list)

    async def ring(self, job: Job) -> None:
        self.rings.append((job, time.monotonic()))
        if self.doorbell is not None:
            self.doorbell.begun(job)

    async def note_connection(self, is_there: bool) -> None:
        self.connections.append(is_there)

    async def has_rung(self) -> bool:
        return bool(self.rings)


#: Longer than any test waits, and than an operator may set: whatever is found in time was not found by an idle look.
NEVER_S = 3600


@asynccontextmanager
async def listening(database_url: str, *, idle_poll_s: float = NEVER_S) -> AsyncIterator[Bell]:
    settings = settings_for(database_url).model_copy(update={"idle_poll_s": idle_poll_s})
    async with open_resources(settings) as resources:
        bell = Bell(resources=resources)
        bell.doorbell = Doorbell(resources, bell.ring, bell.note_connection)
        running = asyncio.create_task(bell.doorbell.run())
        try:
            async with asyncpg.create_pool(database_url, min_size=1, max_size=1) as pool:
                # What its connection ran last: LISTEN, or already a look.
                listens = (
                    "select exists (select from pg_stat_activity where datname = current_database()"
                    " and (query like 'LISTEN%' or query like 'select exists%as publish%'))"
                )
                await until(lambda: pool.fetchval(listens))
            yield bell
        finally:
            await cancel_tasks(running)


async def publish_nothing(conn: asyncpg.Connection) -> None:
    await conn.execute("update change_events set published_at = now() where published_at is null")


async def test_commit_rings_at_once(conn: asyncpg.Connection, database_url: str) -> None:
    async with listening(database_url) as bell:
        await create_variant(conn)
        await until(bell.has_rung)

    assert bell.rings[0][0] is Job.PUBLISH


async def test_ring_that_the_gate_swallowed_is_found_by_the_looks_that_follow(
    conn: asyncpg.Connection, database_url: str
) -> None:
    variant = await create_variant(conn)

    async with listening(database_url) as bell:
        # Once it has rung, its first look is over, which would find both changes at once.
        await until(bell.has_rung)
        await publish_nothing(conn)
        bell.rings.clear()
        # In the server, so that the second commit follows within the 20 ms in which the gate lets nobody be notified.
        await conn.execute(
            f"""
            do $$ begin
              update variants set count_on_hand = 100 where id = {variant.id}; commit;
              update change_events set published_at = now() where published_at is null; commit;
              perform setval('doorbell', (extract(epoch from clock_timestamp()) * 1000)::bigint);
              update variants set count_on_hand = 101 where id = {variant.id}; commit;
            end $$
            """
        )

        async def has_rung_twice() -> bool:
            return len(bell.rings) >= 2

        await until(has_rung_twice)

    assert {job for job, _ in bell.rings} == {Job.PUBLISH}


async def test_change_without_any_ring_is_found_by_the_idle_look(conn: asyncpg.Connection, database_url: str) -> None:
    async with listening(database_url, idle_poll_s=0.1) as bell:
        await conn.execute("select setval('doorbell', (extract(epoch from now()) * 1000)::bigint)")
        await create_variant(conn)
        await until(bell.has_rung)

    assert bell.rings[0][0] is Job.PUBLISH


async def test_burst_of_commits_rings_seldom(conn: asyncpg.Connection, database_url: str) -> None:
    variant = await create_variant(conn)
    async with listening(database_url) as bell:
        await until(bell.has_rung)
        bell.rings.clear()
        begun = time.monotonic()
        # In the server: a busy machine would take seconds over as many round trips, and rings are let through by time.
        await conn.execute(
            "do $$ begin for number in 1..300 loop"
            f" update variants set count_on_hand = number where id = {variant.id}; commit;"
            " end loop; end $$"
        )
        await until(bell.has_rung)
        took_s = time.monotonic() - begun

    # The gate lets one through in 20 ms, and each is followed by three looks.
    assert len(bell.rings) <= 4 * (took_s / 0.02 + 1)


async def test_job_that_has_not_begun_is_asked_for_again_after_a_second(
    conn: asyncpg.Connection, database_url: str
) -> None:
    async with listening(database_url, idle_poll_s=0.05) as bell:
        assert bell.doorbell is not None
        bell.doorbell = None
        await create_variant(conn)

        async def rung_twice() -> bool:
            return len(bell.rings) >= 2

        await until(rung_twice)

    (_, first), (_, second) = bell.rings[:2]
    assert second - first >= 0.99


async def test_what_is_left_over_below_the_floors_is_found_soon(
    conn: asyncpg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its publisher may have ended, because another one had the shard.
    await create_variant(conn)
    ids = [row["id"] for row in await conn.fetch("select id from change_events where published_at is null")]
    await leave_over(conn, [Leftover(one, Lane.BULK, None) for one in ids])
    monkeypatch.setattr(doorbell, "_FULL_LOOK_S", NEVER_S)
    monkeypatch.setattr(doorbell, "_LEFT_OVER_LOOK_S", 0.1)
    async with listening(database_url, idle_poll_s=0.05) as bell:
        await until(bell.has_rung)
        bell.resources.floors.turns = [max(ids) + 1] * 3
        bell.resources.floors.has_left_over = True
        bell.rings.clear()
        await until(bell.has_rung)
        await publish_nothing(conn)

        async def is_forgotten() -> bool:
            return not bell.resources.floors.has_left_over

        await until(is_forgotten)

    assert {job for job, _ in bell.rings} == {Job.PUBLISH}


async def test_lost_connection_is_replaced(conn: asyncpg.Connection, database_url: str) -> None:
    async with listening(database_url, idle_poll_s=0.1) as bell:
        ended = await conn.fetch(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where application_name = 'tellgraph' and datname = current_database()"
        )
        await create_variant(conn)
        await until(bell.has_rung)

    assert len(ended) >= 1
    assert bell.connections[:3] == [True, False, True]


async def test_run_over_many_rows_is_moved_on_while_it_lasts(conn: asyncpg.Connection, database_url: str) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")
    await publish_nothing(conn)
    async with listening(database_url, idle_poll_s=0.05) as bell:
        await conn.execute("insert into webhook_replays (webhook_id, states) values ($1, '{FAILED}')", webhook.id)
        await until(bell.has_rung)
        assert {job for job, _ in bell.rings} == {Job.ADVANCE}
        await conn.execute("update webhook_replays set state = 'DONE'")
        await create_due_events(conn, webhook)

        async def has_rung_to_deliver() -> bool:
            return Job.DELIVER in {job for job, _ in bell.rings}

        await until(has_rung_to_deliver)
        bell.rings.clear()
        await until(has_rung_to_deliver)

    assert {job for job, _ in bell.rings} == {Job.DELIVER}
