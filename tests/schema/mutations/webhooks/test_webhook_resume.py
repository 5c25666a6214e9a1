"""webhookResume: all that waits is due at once."""

import pytest

from app.webhooks.db.webhook_events import MAX_AT_ONCE
from schema.entities import global_ids
from tests.builders.deliveries import claim_all, create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, settings_for
from workers.resources import open_resources
from workers.upkeep.sweep import sweep_all

URL = "http://127.0.0.1:9/"
LATER = "update webhook_events set due_at = now() + interval '8 h', attempted_at = now(), attempt_count = 3"
DUE = "select count(*) from webhook_events where state = 'RETRYING' and due_at <= clock_timestamp()"


async def test_all_that_waits_is_due_and_the_pause_is_over(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    other = await create_subscription(api.conn, URL)
    retried = await create_due_events(api.conn, webhook, 3, state="RETRYING")
    await create_due_events(api.conn, other, 2, state="RETRYING")
    await api.conn.execute(LATER)
    (pending,) = await create_due_events(api.conn, webhook, first_entity=9)
    await api.conn.execute("update webhooks set paused_until = now() + interval '1 h'")

    made = await api.mutate(
        "webhookResume", "webhook { id pausedUntil }", webhookId=global_ids.encode("Webhook", webhook.id)
    )

    assert made["status"] == 200
    assert made["webhook"] == {"id": global_ids.encode("Webhook", webhook.id), "pausedUntil": None}
    claimed = await claim_all(api.conn)
    # With an attempt more each: this one counts against no limit.
    assert [(due.id, due.attempt, due.attempts_before) for due in claimed] == [
        *((event_id, 4, 1) for event_id in retried),
        (pending, 1, 0),
    ]
    assert await api.conn.fetchval("select bool_and(resumed_at is null) from webhooks")


async def test_the_sweep_goes_on_with_what_one_statement_leaves(api: Platform, database_url: str) -> None:
    webhook = await create_subscription(api.conn, URL, is_failing=True)
    await create_due_events(api.conn, webhook, 2 * MAX_AT_ONCE + 1, state="RETRYING")
    await api.conn.execute(LATER)

    await api.mutate("webhookResume", "", webhookId=global_ids.encode("Webhook", webhook.id))
    due = [await api.conn.fetchval(DUE)]
    async with open_resources(settings_for(database_url)) as resources:
        for _ in range(3):
            await api.conn.execute("update webhooks set resume_stepped_at = now() - interval '5 s'")
            await sweep_all(resources)
            due.append(await api.conn.fetchval(DUE))

    assert due == [MAX_AT_ONCE, 2 * MAX_AT_ONCE, 2 * MAX_AT_ONCE + 1, 2 * MAX_AT_ONCE + 1]
    assert await api.conn.fetchval("select resumed_at is null from webhooks")


@pytest.mark.parametrize(("values", "status"), [({"is_enabled": False}, 409), ({"seller_id": None}, 404)])
async def test_a_disabled_webhook_and_another_owners_are_not_resumed(
    api: Platform, values: dict[str, object], status: int
) -> None:
    seller = await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, **{"seller_id": seller.id, **values})
    await create_due_events(api.conn, webhook, state="RETRYING")
    await api.conn.execute(LATER)

    made = await api.mutate(
        "webhookResume",
        "webhook { id }",
        await api.seller_key(seller.id),
        webhookId=global_ids.encode("Webhook", webhook.id),
    )

    assert (made["status"], made["webhook"], await api.conn.fetchval(DUE)) == (status, None, 0)
