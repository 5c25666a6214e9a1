"""Tokens and pauses in the claim and the record, statement by statement; how long a pause is."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.retry import pause_s
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.workers.deliver.test_deliver import claim, failed

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAUSES: dict[str, tuple[int | ErrorKind, str | None, float | None, float | None]] = {
    "asked for": (429, "7", 5.0, 7.0),
    "asked for by another failure": (503, "7", 5.0, 7.0),
    "asked for as a date": (503, "Thu, 01 Jan 2026 00:00:30 GMT", 5.0, 30.0),
    "longer than a day": (429, "999999", 5.0, 86_400.0),
    "no retry left": (429, "7", None, 7.0),
    "429 alone": (429, None, 30.0, 30.0),
    "429 alone, retry at once": (429, None, 0.0, 1.0),
    "429 alone, no retry left": (429, None, None, 1.0),
    "429 alone, retry in hours": (429, None, 28_800.0, 300.0),
    "header that is neither form": (429, "soon", 0.0, 1.0),
    "another failure": (503, None, 5.0, None),
    "success": (202, "7", None, None),
    "no answer": (ErrorKind.CANCELLED, None, 5.0, None),
}


@pytest.mark.parametrize("case", PAUSES)
def test_pause_is_what_the_answer_asks_for(case: str) -> None:
    outcome, header, delay, expected = PAUSES[case]

    asked = pause_s(outcome=outcome, retry_after=header, delay_s=delay, now=NOW)

    assert asked == expected


async def test_claim_takes_no_more_than_the_whole_tokens(conn: Conn) -> None:
    limited = await create_subscription(conn, URL, rate_limit=5)
    free = await create_subscription(conn, URL)
    await create_due_events(conn, limited, 20)
    await create_due_events(conn, free, 20)

    first = await claim(conn)
    # As if 0.5 s had passed: two whole tokens and a half.
    await conn.execute("update webhook_tokens set tokens = 2.5, refilled_at = clock_timestamp() + interval '1 min'")
    second = await claim(conn)

    assert [due.webhook_id for due in first].count(limited.id) == 5
    assert [due.webhook_id for due in first].count(free.id) == 20
    assert [due.webhook_id for due in second] == [limited.id] * 2
    left = await conn.fetch("select webhook_id, tokens from webhook_tokens")
    assert [tuple(row) for row in left] == [(limited.id, 0.5)]


async def test_bucket_holds_one_seconds_worth_however_long_the_rest(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL, rate_limit=3)
    await create_due_events(conn, webhook, 20)
    await conn.execute("insert into webhook_tokens values ($1, 0, now() - interval '1 day')", webhook.id)

    claimed = await claim(conn)

    assert len(claimed) == 3


async def pause(conn: Conn, due: DueEvent, **overrides: Any) -> None:
    await deliveries.record_results(conn, [failed(due, status=429, pause_s=60.0, **overrides)])


async def paused_s(conn: Conn) -> float | None:
    left: float | None = await conn.fetchval(
        "select extract(epoch from paused_until - clock_timestamp())::float8 from webhooks"
    )
    return left


async def test_paused_webhook_is_claimed_nothing_of_until_the_pause_is_over(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, 5)
    first, *_ = await claim(conn, limit=1)
    await pause(conn, first)

    while_paused = await claim(conn)
    await conn.execute("update webhooks set paused_until = clock_timestamp()")
    afterwards = await claim(conn)
    await deliveries.record_results(conn, [result_of(due) for due in afterwards])

    assert while_paused == []
    assert len(afterwards) == 4
    assert await paused_s(conn) is None


async def test_what_was_in_flight_neither_ends_nor_shortens_a_pause(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, 3)
    first, second, third = await claim(conn)

    await pause(conn, first)
    await deliveries.record_results(conn, [result_of(second)])
    await deliveries.record_results(conn, [failed(third, pause_s=1.0)])

    assert 50 < (await paused_s(conn) or 0) <= 60
