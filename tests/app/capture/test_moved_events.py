"""Two sessions over one webhook event, which the first moves to another partition while the second waits for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from app.db.pool import create_database
from app.webhooks.db import deliveries, webhook_event_changes, webhook_events
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.webhook_events import NewWebhookEvent, WebhookEventId
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED, WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.waiting import DEADLINE_S, until
from workers.deliver.record import record

Conn = asyncpg.Connection
Act = Callable[[Conn], Awaitable[Any]]


@dataclass(slots=True, kw_only=True)
class Scene:
    """One due event of a webhook, and two sessions beside the one that watches them."""

    conn: Conn
    first: Conn
    second: Conn
    webhook: Webhook
    event_id: WebhookEventId

    async def meet(self, first: Act, second: Act) -> Any:
        """Return the result of the second session, which waits for the first one's transaction to end."""
        async with self.first.transaction():
            await first(self.first)
            acting = asyncio.create_task(self._in_transaction(second))
            await until(lambda: self._is_waiting(self.second))
        return await acting

    async def event(self) -> tuple[str, int | None]:
        row = await self.conn.fetchrow("select state, superseded_by from webhook_events where id = $1", self.event_id)
        assert row is not None
        return row["state"], row["superseded_by"]

    async def _in_transaction(self, act: Act) -> Any:
        async with self.second.transaction():
            return await act(self.second)

    async def _is_waiting(self, conn: Conn) -> bool:
        return bool(
            await self.conn.fetchval(
                "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1", conn.get_server_pid()
            )
        )


@pytest.fixture
async def scene(conn: Conn, database_url: str) -> AsyncIterator[Scene]:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")
    (event_id,) = await create_due_events(conn, webhook)
    first, second = await asyncpg.connect(database_url), await asyncpg.connect(database_url)
    yield Scene(conn=conn, first=first, second=second, webhook=webhook, event_id=WebhookEventId(event_id))
    await first.close()
    await second.close()


async def claim(conn: Conn) -> list[DueEvent]:
    return await deliveries.claim_due(conn, limit=10, per_webhook=10, after=0, failing_share=10, lease_s=60)


async def deliver(conn: Conn) -> None:
    """The claim and the record in one, so that whoever looked before sees neither."""
    (due,) = await claim(conn)
    assert (await deliveries.record_results(conn, [result_of(due)])).ids == {due.id}


def superseding(scene: Scene) -> Act:
    newer = NewWebhookEvent(
        webhook_id=scene.webhook.id,
        entity_type="Invoice",
        entity_id=1,
        event_name=WebhookEventName.UPDATE,
        state=WebhookEventState.SKIPPED,
        reason=None,
        payload_digest=None,
        changed=b"{}",
        changed_at=datetime.now(UTC),
        supersedes=(scene.event_id,),
    )
    return lambda conn: webhook_events.insert_webhook_events(conn, [newer])


def cancelling(scene: Scene) -> Act:
    return lambda conn: webhook_event_changes.cancel_webhook_event(conn, scene.event_id, "By hand.")


def withdrawing(scene: Scene) -> Act:
    return lambda conn: webhook_event_changes.cancel_open(conn, scene.webhook.id, WEBHOOK_DELETED)


@pytest.mark.parametrize(
    ("moving", "state"), [(superseding, "SUPERSEDED"), (cancelling, "CANCELLED"), (withdrawing, "CANCELLED")]
)
async def test_claim_passes_over_what_is_being_taken_from_it(
    scene: Scene, moving: Callable[[Scene], Act], state: str
) -> None:
    (other,) = await create_due_events(scene.conn, await create_subscription(scene.conn, "http://127.0.0.1:9/"))

    async with scene.first.transaction():
        await moving(scene)(scene.first)
        # Both lock many events, each in its own order: waiting for each other would be a deadlock.
        claimed = await asyncio.wait_for(claim(scene.second), DEADLINE_S)

    assert [due.id for due in claimed] == [other]
    assert (await scene.event())[0] == state
    assert await scene.conn.fetchval("select array_agg(webhook_event_id) from delivery_attempts") == [other]


async def test_what_was_not_taken_after_all_is_claimed_next(scene: Scene) -> None:
    taking = scene.first.transaction()
    await taking.start()
    await cancelling(scene)(scene.first)
    passed_over = await asyncio.wait_for(claim(scene.second), DEADLINE_S)
    await taking.rollback()

    claimed = await claim(scene.second)

    assert passed_over == []
    assert [due.id for due in claimed] == [scene.event_id]


@pytest.mark.parametrize(("moving", "state"), [(deliver, "DELIVERED"), (cancelling, "CANCELLED")])
async def test_publisher_supersedes_no_more_what_has_ended(scene: Scene, moving: Any, state: str) -> None:
    await scene.meet(moving if moving is deliver else moving(scene), superseding(scene))

    assert await scene.event() == (state, None)
    assert await scene.conn.fetchval("select count(*) from webhook_events where state = 'SKIPPED'") == 1


@pytest.mark.parametrize("moving", [deliver, None])
async def test_holding_and_releasing_pass_over_what_has_ended(scene: Scene, moving: Act | None) -> None:
    act = moving or cancelling(scene)

    await scene.meet(act, lambda conn: webhook_events.hold_open(conn, scene.webhook.id))
    await scene.conn.execute("update webhook_events set state = 'HELD', due_at = null, finished_at = null")
    await scene.meet(cancelling(scene), lambda conn: webhook_events.release_held(conn, scene.webhook.id))

    assert await scene.event() == ("CANCELLED", None)


async def test_a_deleted_webhook_s_events_are_not_cancelled_once_delivered(scene: Scene) -> None:
    await scene.meet(deliver, withdrawing(scene))

    assert await scene.event() == ("DELIVERED", None)


async def test_cancelling_by_hand_sees_that_it_was_delivered(scene: Scene) -> None:
    event = await scene.meet(
        deliver, lambda conn: webhook_event_changes.get_webhook_event(conn, scene.event_id, is_locked=True)
    )

    assert event.state is WebhookEventState.DELIVERED


async def test_sweep_does_not_release_what_is_just_recorded(scene: Scene) -> None:
    (due,) = await claim(scene.conn)
    await scene.conn.execute("update webhook_events set lease_until = now() - interval '1 s'")

    released = await scene.meet(
        lambda conn: deliveries.record_results(conn, [result_of(due)]), deliveries.release_expired
    )

    assert released == []
    assert (await scene.event())[0] == "DELIVERED"
    assert await scene.conn.fetchval("select status from delivery_attempts") == 200


async def test_a_result_is_too_late_for_what_was_swept_with_its_webhook(scene: Scene, database_url: str) -> None:
    (due,) = await claim(scene.conn)
    await scene.conn.execute("update webhook_events set lease_until = now() - interval '1 s'")
    await scene.conn.execute("update webhooks set deleted_at = now(), is_enabled = false")

    async with create_database(database_url, pool_size=2) as database:
        async with scene.first.transaction():
            assert len(await deliveries.release_expired(scene.first)) == 1
            recording = asyncio.create_task(record([result_of(due)], database))
            waiting = (
                "select count(*) = 1 from pg_stat_activity where datname = current_database()"
                " and wait_event_type = 'Lock' and query like '%recorded%'"
            )
            await until(lambda: scene.conn.fetchval(waiting))
        await recording

    assert (await scene.event())[0] == "CANCELLED"
    assert await scene.conn.fetchval("select error_kind from delivery_attempts") == "UNKNOWN_OUTCOME"
    assert await scene.conn.fetchval("select count(*) from webhook_given") == 0


async def test_replay_waits_for_a_cancellation_and_makes_it_due_again(scene: Scene) -> None:
    again = await scene.meet(cancelling(scene), lambda conn: _replayed(conn, scene))

    assert again == [scene.event_id]
    assert (await scene.event())[0] == "PENDING"


async def _replayed(conn: Conn, scene: Scene) -> list[int]:
    await webhook_event_changes.get_webhook_event(conn, scene.event_id, is_locked=True)
    made = await webhook_event_changes.replay_webhook_events(conn, [scene.event_id], is_enabled=True)
    return [event.id for event in made]
