"""Sessions that have kept their plans claim beside others that supersede, cancel and record the same events."""

import asyncio
import random
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.db.pool import SERVER_SETTINGS, Connection, transaction
from app.webhooks.db import deliveries
from app.webhooks.db.webhook_event_changes import cancel_webhook_event, get_webhook_event
from app.webhooks.db.webhook_events import NewWebhookEvent, WebhookEventId, insert_webhook_events
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import CANCELLED_BY_HAND, WAITING, WebhookEventState
from tests.builders.deliveries import create_due_events, create_subscription, result_of
from tests.support.platform import settings_for
from workers.resources import Resources, open_resources

ENTITIES = 300
CLAIMERS = 3


@pytest.fixture
async def resources(database_url: str) -> AsyncIterator[Resources]:
    async with open_resources(settings_for(database_url)) as opened:
        yield opened


async def claim_until(database_url: str, ended: asyncio.Event, seed: int) -> list[tuple[int, int]]:
    """Claim and record, a few at a time, until nothing is left after the end. Returns each event's id and attempt."""
    conn = await asyncpg.connect(database_url, server_settings=SERVER_SETTINGS | {"enable_seqscan": "off"})
    chance = random.Random(seed)
    found: list[tuple[int, int]] = []
    while True:
        was_ended = ended.is_set()
        claimed = await deliveries.claim_due(
            conn, limit=chance.randint(1, 4), per_webhook=4, after=0, failing_share=10, lease_s=60
        )
        found += [(due.id, due.attempt) for due in claimed]
        if claimed:
            await deliveries.record_results(conn, [result_of(due) for due in claimed])
        elif was_ended:
            await conn.close()
            return found
        else:
            await asyncio.sleep(0)


async def supersede(resources: Resources, webhook: Webhook, older: list[int]) -> None:
    """Publish a newer state of each, the last first: claims come from the other end."""
    for place, event_id in reversed(list(enumerate(older))):
        async with transaction(resources.database) as conn:
            await insert_webhook_events(conn, [_newer(webhook, place + 1, event_id)])


def _newer(webhook: Webhook, entity_id: int, older: int) -> NewWebhookEvent:
    return NewWebhookEvent(
        webhook_id=webhook.id,
        entity_type="Invoice",
        entity_id=entity_id,
        event_name=WebhookEventName.UPDATE,
        state=WebhookEventState.PENDING,
        reason=None,
        payload_digest=None,
        changed=b"{}",
        changed_at=webhook.created_at,
        supersedes=(WebhookEventId(older),),
    )


async def cancel(resources: Resources, ids: list[int]) -> int:
    """Cancel by hand what can be. Returns how many events that were."""
    cancelled = 0
    for event_id in ids:
        async with transaction(resources.database) as conn:
            event = await get_webhook_event(conn, WebhookEventId(event_id), is_locked=True)
            if event.state in WAITING:
                await cancel_webhook_event(conn, event.id, CANCELLED_BY_HAND)
                cancelled += 1
    return cancelled


async def test_each_event_is_claimed_once_or_superseded_or_cancelled(
    conn: Connection, resources: Resources, database_url: str
) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/", concurrent_send_limit=100)
    await conn.execute("analyze webhook_events, webhook_events_open")
    ended = asyncio.Event()
    claiming = [asyncio.create_task(claim_until(database_url, ended, seed)) for seed in range(CLAIMERS)]
    old = await create_due_events(conn, webhook, ENTITIES)
    other = await create_due_events(conn, webhook, ENTITIES, first_entity=10_000)

    _, cancelled = await asyncio.gather(supersede(resources, webhook, old), cancel(resources, other[::-1]))
    ended.set()
    claimed = [one for found in await asyncio.gather(*claiming) for one in found]

    assert len(claimed) == len(set(claimed))
    rows = await conn.fetch("select state, attempt_count, count(*) from webhook_events group by 1, 2 order by 1")
    counts = {(row["state"], row["attempt_count"]): row["count"] for row in rows}
    superseded = counts.get(("SUPERSEDED", 0), 0)
    assert counts == {
        key: number
        for key, number in {
            ("CANCELLED", 0): cancelled,
            ("DELIVERED", 1): 3 * ENTITIES - cancelled - superseded,
            ("SUPERSEDED", 0): superseded,
        }.items()
        if number
    }
    assert len(claimed) == counts["DELIVERED", 1]
