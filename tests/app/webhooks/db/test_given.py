"""Publishing looks back on the event that a webhook was last given for an entity."""

import asyncpg
import pytest

from app.webhooks.db import deliveries, webhook_events
from app.webhooks.db.webhook_events import PriorEvent, Subject
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.attempt import NEVER_LEFT, ErrorKind
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of

Conn = asyncpg.Connection


@pytest.fixture
async def webhook(conn: Conn) -> Webhook:
    return await create_subscription(conn, "http://127.0.0.1:9/")


async def send(
    conn: Conn, state: WebhookEventState = WebhookEventState.DELIVERED, *, error_kind: ErrorKind | None = None
) -> list[int]:
    """Claim what is due and store that it came to this; the events' ids."""
    due = await deliveries.claim_due(conn, limit=50, per_webhook=50, after=0, failing_share=10, lease_s=60)
    ended = {
        "state": state,
        "status": None if error_kind else 200 if state is WebhookEventState.DELIVERED else 500,
        "error_kind": error_kind,
        "delay_s": 3600.0 if state is WebhookEventState.RETRYING else None,
    }
    results = [result_of(one, **ended) for one in due]
    await deliveries.record_results(conn, results)
    return [one.id for one in due]


async def given_of(conn: Conn, webhook: Webhook) -> list[PriorEvent]:
    subject: Subject = (webhook.id, "Invoice", 1)
    return (await webhook_events.list_given(conn, [subject])).get(subject, [])


def brief(given: list[PriorEvent]) -> list[tuple[int, str]]:
    return [(one.id, one.state.value) for one in given]


async def replay(conn: Conn, event_id: int) -> None:
    await conn.execute(
        "update webhook_events set state = 'PENDING', due_at = now(), finished_at = null, replayed_at = now()"
        " where id = $1",
        event_id,
    )


async def test_what_never_left_was_not_given(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)

    sent = await send(conn, WebhookEventState.FAILED, error_kind=NEVER_LEFT[0])

    assert (len(sent), await given_of(conn, webhook)) == (1, [])


async def test_what_was_answered_badly_may_have_been_taken_in(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)

    (failed,) = await send(conn, WebhookEventState.FAILED)
    (then,) = await given_of(conn, webhook)
    await create_due_events(conn, webhook)
    (delivered,) = await send(conn)

    (last,) = await given_of(conn, webhook)
    assert (then.id, then.payload_digest) == (failed, None)
    assert last.id == delivered
    assert last.payload_digest is not None


async def test_the_last_one_comes_after_what_is_open(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)
    (first,) = await send(conn)
    await create_due_events(conn, webhook)
    (second,) = await send(conn)
    (third,) = await create_due_events(conn, webhook)
    with_open = brief(await given_of(conn, webhook))

    await conn.execute("update webhook_events set state = 'CANCELLED', due_at = null where id = $1", third)

    assert first < second
    assert with_open == [(third, "PENDING"), (second, "DELIVERED")]
    assert brief(await given_of(conn, webhook)) == [(second, "DELIVERED")]


async def test_an_older_one_that_is_replayed_stays_the_older_one(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)
    (first,) = await send(conn)
    await create_due_events(conn, webhook)
    (second,) = await send(conn)

    await replay(conn, first)
    while_open = brief(await given_of(conn, webhook))
    assert await send(conn) == [first]

    assert while_open == [(second, "DELIVERED"), (first, "PENDING")]
    assert brief(await given_of(conn, webhook)) == [(second, "DELIVERED")]


async def test_the_last_one_that_is_replayed_is_open_first(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)
    (only,) = await send(conn)

    await replay(conn, only)

    assert brief(await given_of(conn, webhook)) == [(only, "PENDING"), (only, "DELIVERED")]


async def test_a_replay_that_fails_takes_nothing_back(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)
    (only,) = await send(conn)
    await replay(conn, only)

    await send(conn, WebhookEventState.FAILED)

    # It was delivered once; that it could not be sent again later says nothing against that.
    assert brief(await given_of(conn, webhook)) == [(only, "DELIVERED")]


async def test_tests_are_not_given(conn: Conn, webhook: Webhook) -> None:
    await create_due_events(conn, webhook)
    await conn.execute("update webhook_events set event_name = 'test'")

    assert await given_of(conn, webhook) == []
    assert len(await send(conn)) == 1
    assert await given_of(conn, webhook) == []
