"""A take and its answers cost two statements each, however many messages; expired leases are settled in parts."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery
from databases import Database

from app.auth.viewers import OPERATOR
from app.db.pool import connection
from app.webhooks.services import messages
from app.webhooks.services.messages import MessageId
from tests.builders.deliveries import create_due_events, create_pulled_subscription

MANY_BYTES = 2**30


async def statements_of(database: Database, work: Callable[[], Awaitable[object]]) -> int:
    """Count the statements of this task's connection."""
    found: list[str] = []

    def log(query: LoggedQuery) -> None:
        found.append(query.query)

    async with connection(database) as conn:
        conn.add_query_logger(log)
        try:
            await work()
        finally:
            conn.remove_query_logger(log)
    return len(found)


async def test_a_take_is_two_statements_and_an_acknowledgement_three(database: Database) -> None:
    async with connection(database) as conn:
        webhook = await create_pulled_subscription(conn, concurrent_send_limit=1000)
        await create_due_events(conn, webhook, 300)
    ids: list[MessageId] = []

    async def take(first: int) -> None:
        taken = await messages.take(
            database, OPERATOR, webhook_id=webhook.id, first=first, lease_s=60, max_bytes=MANY_BYTES
        )
        ids[:] = [MessageId(one.id, one.attempt) for one in taken]

    async def acknowledge() -> None:
        done = await messages.acknowledge(database, OPERATOR, webhook_id=webhook.id, ids=ids)
        assert list(done.settled) == ids

    async def extend() -> None:
        assert len(await messages.extend(database, OPERATOR, webhook_id=webhook.id, ids=ids, lease_s=9)) == len(ids)

    counts = []
    for first in (1, 1, 200):
        taking = await statements_of(database, lambda first=first: take(first))  # type: ignore[misc]
        assert len(ids) == first
        counts.append((taking, await statements_of(database, extend), await statements_of(database, acknowledge)))

    # The driver looks types up when it first meets them. An extension also begins and commits its transaction.
    # An acknowledgement is counted for the statistics after it has been stored.
    assert counts[1:] == [(2, 4, 3)] * 2


async def test_expired_leases_are_settled_in_parts(database: Database) -> None:
    async with connection(database) as conn:
        webhooks = [await create_pulled_subscription(conn, concurrent_send_limit=1000) for _ in range(2)]
        for webhook in webhooks:
            await create_due_events(conn, webhook, 700)
            await messages.take(database, OPERATOR, webhook_id=webhook.id, first=1000, lease_s=60, max_bytes=MANY_BYTES)
        await conn.execute("update webhook_events set lease_until = now() - interval '1 s' where entity_id <= 600")

        assert await messages.settle_expired(database, webhooks[0].id) == 600
        assert await messages.settle_expired(database) == 600
        assert await messages.settle_expired(database) == 0

        kinds = await conn.fetch("select error_kind, count(*) from delivery_attempts group by 1 order by 1")
        assert [tuple(row) for row in kinds] == [("LEASE_OVER", 1200), (None, 200)]
        states = await conn.fetch("select state, count(*) from webhook_events group by 1 order by 1")
        assert [tuple(row) for row in states] == [("RETRYING", 1200), ("SENDING", 200)]


async def test_a_conflict_that_never_ends_is_an_error_and_not_a_loop(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connection(database) as conn:
        webhook = await create_pulled_subscription(conn)
        await create_due_events(conn, webhook)
    (taken,) = await messages.take(database, OPERATOR, webhook_id=webhook.id, first=1, lease_s=60, max_bytes=MANY_BYTES)
    tries, ids = 0, [MessageId(taken.id, taken.attempt)]

    async def conflict(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise asyncpg.DeadlockDetectedError

    with monkeypatch.context() as patched:
        patched.setattr(messages, "store_results", conflict)
        with pytest.raises(asyncpg.DeadlockDetectedError):
            await messages.acknowledge(database, OPERATOR, webhook_id=webhook.id, ids=ids)

    assert tries == 10
    assert (await messages.acknowledge(database, OPERATOR, webhook_id=webhook.id, ids=ids)).settled == ids
