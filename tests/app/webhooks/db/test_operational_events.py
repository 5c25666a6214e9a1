"""When an operational event is raised, once, and when not."""

import asyncio

import asyncpg
import pytest

from app.webhooks.db import deliveries, webhook_outages
from app.webhooks.db.deliveries import DueEvent, Result
from app.webhooks.db.operational_events import raise_failing
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.platform import settings_for
from workers.resources import open_resources
from workers.upkeep.sweep import sweep_all

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
OPERATIONAL = {"type": "OPERATIONAL_EVENT", "event_names": ["CREATE"]}


async def raised(conn: Conn) -> list[tuple[int, str, str]]:
    """Webhook, kind and reason of all, oldest first."""
    rows = await conn.fetch("select webhook_id, kind, reason from operational_events order by id")
    return [tuple(row) for row in rows]


async def kinds(conn: Conn) -> list[str]:
    return [kind for _, kind, _ in await raised(conn)]


async def claim(conn: Conn) -> list[DueEvent]:
    await conn.execute("update webhook_events set due_at = now() where state in ('PENDING', 'RETRYING')")
    return await deliveries.claim_due(conn, limit=99, per_webhook=99, after=0, failing_share=99, lease_s=60)


def ended(due: DueEvent, state: str, *, status: int | None = 500) -> Result:
    return result_of(
        due,
        state=WebhookEventState(state),
        status=status,
        error_kind=None if status else "TIMEOUT",
        error=None if status else "no answer within 1 s",
        delay_s=5.0 if state == "RETRYING" else None,
    )


async def attempt(conn: Conn, state: str, **given: int | None) -> None:
    """One attempt of everything that waits, which ends like this."""
    async with conn.transaction():
        await deliveries.record_results(conn, [ended(due, state, **given) for due in await claim(conn)])


@pytest.mark.parametrize(
    ("actor", "reason"),
    [
        ("operator", "Disabled by the operator."),
        ("seller:3", "Disabled by the seller."),
        ("", "Disabled by hand."),
    ],
)
async def test_disabling_by_hand_is_raised_by_whoever_does_it(conn: Conn, actor: str, reason: str) -> None:
    webhook = await create_subscription(conn, URL)

    async with conn.transaction():
        await conn.execute("select set_config('tellgraph.actor', $1, true)", actor)
        await conn.execute("update webhooks set is_enabled = false")

    assert await raised(conn) == [(webhook.id, "DISABLED", reason)]


async def test_no_other_change_of_a_webhook_is_raised(conn: Conn) -> None:
    enabled = await create_subscription(conn, URL)
    await create_subscription(conn, URL, is_enabled=False)

    await conn.execute("update webhooks set is_enabled = is_enabled, url = url || 'x', outage_reported_at = null")
    await conn.execute("update webhooks set is_enabled = true")
    await conn.execute("update webhooks set is_enabled = false, deleted_at = now() where id = $1", enabled.id)

    assert await raised(conn) == []


async def test_disabling_with_a_reason_is_raised_once(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)

    await webhook_outages.disable_webhook(conn, webhook.id, "So it is.")
    await webhook_outages.disable_webhook(conn, webhook.id, "Again.")

    assert await raised(conn) == [(webhook.id, "DISABLED", "So it is.")]


async def test_failing_is_raised_once_for_an_outage_by_sweepers_at_the_same_time(conn: Conn, database_url: str) -> None:
    long, short = await create_subscription(conn, URL), await create_subscription(conn, URL)
    failing = "update webhooks set is_failing = true, failing_since = now() - make_interval(mins => $2) where id = $1"
    await conn.execute(failing, long.id, 11)
    await conn.execute(failing, short.id, 9)

    async with open_resources(settings_for(database_url)) as one, open_resources(settings_for(database_url)) as other:
        await asyncio.gather(*(sweep_all(resources) for resources in (one, other) * 3))

    assert [(webhook_id, kind) for webhook_id, kind, _ in await raised(conn)] == [(long.id, "FAILING")]


async def test_failing_waits_for_the_set_time(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL, max_retries=9)
    await create_due_events(conn, webhook)
    await attempt(conn, "RETRYING")

    assert await raise_failing(conn, after_s=3600) == []
    assert await raise_failing(conn, after_s=0.000_001) == [webhook.id]
    assert await raise_failing(conn, after_s=0.000_001) == []


async def test_first_success_after_failing_is_raised_once(conn: Conn) -> None:
    await create_due_events(conn, await create_subscription(conn, URL), 2)
    await attempt(conn, "RETRYING")
    await raise_failing(conn, after_s=0.000_001)
    await attempt(conn, "RETRYING")

    await attempt(conn, "DELIVERED", status=200)
    await conn.execute("update webhook_events set state = 'PENDING'")
    await attempt(conn, "DELIVERED", status=200)

    assert await kinds(conn) == ["FAILING", "RECOVERED"]


async def test_a_failure_that_nobody_was_told_of_is_not_recovered_from(conn: Conn) -> None:
    await create_due_events(conn, await create_subscription(conn, URL))

    await attempt(conn, "RETRYING")
    await attempt(conn, "DELIVERED", status=200)

    assert await raised(conn) == []


async def test_success_of_a_webhook_that_was_disabled_for_failing_is_raised(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook, 3)
    first, second, third = await claim(conn)
    await deliveries.record_results(conn, [ended(first, "RETRYING")])
    await webhook_outages.disable_webhook(conn, webhook.id, "Gone.")

    # In flight when it was disabled: nobody is told that a disabled webhook is well.
    await deliveries.record_results(conn, [ended(second, "DELIVERED", status=200)])
    assert await kinds(conn) == ["DISABLED"]

    await conn.execute("update webhooks set is_enabled = true, disabled_reason = null, failing_since = null")
    await deliveries.record_results(conn, [ended(third, "DELIVERED", status=200)])
    assert await kinds(conn) == ["DISABLED", "RECOVERED"]


async def test_failing_again_after_being_enabled_is_another_outage(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    await create_due_events(conn, webhook)
    await attempt(conn, "RETRYING")
    await webhook_outages.disable_webhook(conn, webhook.id, "Gone.")
    enabled = "is_enabled = true, disabled_reason = null, is_failing = false, failing_since = null"
    await conn.execute(f"update webhooks set {enabled}")
    await conn.execute("update webhook_events set state = 'RETRYING'")

    await attempt(conn, "RETRYING")
    await raise_failing(conn, after_s=0.000_001)
    await raise_failing(conn, after_s=0.000_001)

    assert await kinds(conn) == ["DISABLED", "FAILING"]


async def test_exhausted_retries_are_raised_with_their_event(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL)
    event_ids = await create_due_events(conn, webhook, 2)

    async with conn.transaction():
        first, second = await claim(conn)
        await deliveries.record_results(conn, [ended(first, "FAILED"), ended(second, "FAILED", status=None)])
        # A late result of what is recorded already.
        await deliveries.record_results(conn, [ended(first, "FAILED")])

    rows = await conn.fetch("select kind, webhook_event_id, reason from operational_events order by id")
    begin = "No retries are left after 1 attempt. The last one ended with"
    assert [tuple(row) for row in rows] == [
        ("EXHAUSTED", event_ids[0], f"{begin} HTTP 500."),
        ("EXHAUSTED", event_ids[1], f"{begin} TIMEOUT: no answer within 1 s."),
    ]


async def test_a_test_that_fails_and_a_deleted_webhooks_event_are_not_raised(conn: Conn) -> None:
    await create_due_events(conn, await create_subscription(conn, URL))
    await conn.execute("update webhook_events set event_name = 'test'")
    deleted = await create_subscription(conn, URL)
    await create_due_events(conn, deleted)
    due = await claim(conn)
    await conn.execute("update webhooks set is_enabled = false, deleted_at = now() where id = $1", deleted.id)

    await deliveries.record_results(conn, [ended(one, "FAILED") for one in due])

    assert [row["state"] for row in await conn.fetch("select state from webhook_events")] == ["FAILED", "FAILED"]
    assert await raised(conn) == []


async def test_a_test_that_fails_begins_no_outage_and_one_that_succeeds_ends_it(conn: Conn) -> None:
    await create_due_events(conn, await create_subscription(conn, URL))
    await conn.execute("update webhook_events set event_name = 'test'")
    failing = "select is_failing or failing_since is not null from webhooks"

    await attempt(conn, "RETRYING")
    assert await conn.fetchval(failing) is False

    await conn.execute("update webhooks set is_failing = true, failing_since = now() - interval '1 h'")
    await raise_failing(conn, after_s=600)
    await attempt(conn, "RETRYING")
    assert await conn.fetchval(failing) is True
    await attempt(conn, "DELIVERED", status=200)
    assert await conn.fetchval(failing) is False
    assert await kinds(conn) == ["FAILING", "RECOVERED"]


async def test_nothing_is_raised_about_webhooks_that_are_told_of_it(conn: Conn) -> None:
    webhook = await create_subscription(conn, URL, **OPERATIONAL)
    await create_due_events(conn, webhook, 2)
    first, second = await claim(conn)

    await deliveries.record_results(conn, [ended(first, "FAILED")])
    assert await raise_failing(conn, after_s=0.000_001) == []
    await webhook_outages.disable_webhook(conn, webhook.id, "Gone.")
    await conn.execute("update webhooks set is_enabled = true")
    await deliveries.record_results(conn, [ended(second, "DELIVERED", status=200)])

    assert await raised(conn) == []
    assert await conn.fetchval("select outage_reported_at from webhooks") is None


async def test_storing_what_was_delivered_or_is_tried_again_touches_no_operational_event(
    conn: Conn, database_url: str
) -> None:
    await create_due_events(conn, await create_subscription(conn, URL), 2)
    first, second = await claim(conn)
    other = await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("lock table operational_events in access exclusive mode")

            await other.execute("set lock_timeout = '2s'")
            await deliveries.record_results(other, [ended(first, "DELIVERED", status=200), ended(second, "RETRYING")])
    finally:
        await other.close()

    states = await conn.fetch("select state from webhook_events order by id")
    assert [row["state"] for row in states] == ["DELIVERED", "RETRYING"]


async def test_that_one_is_added_is_recorded_and_that_old_ones_are_cleared_away_is_not(conn: Conn) -> None:
    await create_subscription(conn, URL)
    await conn.execute("update webhooks set is_enabled = false")
    recorded = "select entity_type, operation, changes->0->>'t' from change_events"

    await conn.execute("update operational_events set reason = 'other'")
    await conn.execute("delete from operational_events")

    assert [tuple(row) for row in await conn.fetch(recorded)] == [("OperationalEvent", "CREATE", "operational_events")]
