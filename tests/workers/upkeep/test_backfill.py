"""Backfills: the present state of what the owner sees, in order, at a rate, once."""

from datetime import timedelta
from typing import Any

import orjson
import pytest

from app.auth.viewers import Viewer
from app.webhooks.db.deliveries import claim_due
from app.webhooks.db.runs.webhook_backfills import WebhookBackfill
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_backfills import start_backfill
from app.webhooks.services.webhook_deletions import delete_webhook
from app.webhooks.services.webhook_klasses import possible_event_names
from schema.entities.declarations import ENTITIES
from tests.builders.deliveries import create_pulled_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher, recorded
from workers.publish.job import publish_batch
from workers.upkeep.backfill import backfill_all, backfill_batch


async def start(publisher: Publisher, webhook_id: int, **given: Any) -> WebhookBackfill:
    wanted = {"updated_since": None, "updated_until": None, "rate_per_second": 500, "is_forced": False, **given}
    return await start_backfill(publisher.resources.database, Viewer(None), webhook_id=WebhookId(webhook_id), **wanted)


async def progress(publisher: Publisher) -> tuple[Any, ...]:
    row = await publisher.conn.fetchrow("select state, total, done, skipped from webhook_backfills order by id desc")
    assert row is not None
    return tuple(row)


async def due_now(publisher: Publisher) -> None:
    await publisher.conn.execute("update webhook_backfills set due_at = now()")


@pytest.mark.parametrize(
    "klass", [klass for klass in WebhookKlass if WebhookEventName.UPDATE in possible_event_names(klass)]
)
def test_every_subject_that_changes_says_when_it_was_changed(klass: WebhookKlass) -> None:
    table = ENTITIES[klass.entity_type].table

    assert (table.has("id"), table.has("updated_at")) == (True, True)


async def test_sends_the_present_state_of_what_the_owner_sees(publisher: Publisher) -> None:
    owner, other = await create_seller(publisher.conn), await create_seller(publisher.conn)
    mine = [await create_invoice(publisher.conn, seller_id=owner.id, total_cents=cents) for cents in (100, 200)]
    await create_invoice(publisher.conn, seller_id=other.id)
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("totalCents", seller_id=owner.id)

    await start(publisher, webhook_id)
    handled = await backfill_all(publisher.resources)

    made = await publisher.made()
    assert (handled, await progress(publisher)) == (2, ("DONE", 2, 2, 0))
    assert [(one.entity, one.outcome) for one in made] == [
        (("Invoice", invoice.id), ("update", "PENDING")) for invoice in mine
    ]
    assert [one.response["data"]["node"]["totalCents"] for one in made] == [100, 200]
    assert made[0].changed == {"added": [], "updated": [], "removed": []}
    told = await publisher.conn.fetch("select changed_at from webhook_events order by id")
    assert [row[0] for row in told] == [invoice.updated_at for invoice in mine]


async def test_messages_that_are_taken_have_the_same(publisher: Publisher) -> None:
    invoices = [await create_invoice(publisher.conn, total_cents=cents) for cents in (100, 200)]
    await recorded(publisher.conn)
    query = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"
    webhook_id = (await create_pulled_subscription(publisher.conn, query_string=query)).id

    await start(publisher, webhook_id)
    await backfill_all(publisher.resources)
    taken = await claim_due(
        publisher.conn, limit=9, per_webhook=9, after=0, failing_share=9, lease_s=60, pulled=webhook_id
    )

    assert await progress(publisher) == ("DONE", 2, 2, 0)
    assert [(due.entity_id, due.event_name) for due in taken] == [(invoice.id, "update") for invoice in invoices]
    assert [orjson.loads(due.body)["data"]["node"]["totalCents"] for due in taken] == [100, 200]


async def test_only_what_was_changed_in_the_time_asked_for(publisher: Publisher) -> None:
    invoices = [await create_invoice(publisher.conn) for _ in range(3)]
    for day, invoice in enumerate(invoices, start=1):
        await publisher.conn.execute(
            f"update invoices set updated_at = '2026-01-0{day}T00:00:00Z' where id = $1", invoice.id
        )
    await recorded(publisher.conn)
    times = await publisher.conn.fetchrow(
        "select '2026-01-02T00:00:00Z'::timestamptz, '2026-01-03T00:00:00Z'::timestamptz"
    )
    assert times is not None

    await start(publisher, await publisher.subscribe("id"), updated_since=times[0], updated_until=times[1])
    await backfill_all(publisher.resources)

    assert [one.entity[1] for one in await publisher.made()] == [invoices[1].id]


async def test_equal_results_are_skipped_unless_forced(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await publisher.publish()
    await publisher.deliver()

    await start(publisher, webhook_id)
    await backfill_all(publisher.resources)
    equal = await progress(publisher)
    await start(publisher, webhook_id, is_forced=True)
    await backfill_all(publisher.resources)

    assert (equal, await progress(publisher)) == (("DONE", 1, 1, 1), ("DONE", 1, 1, 0))
    outcomes = [one.outcome for one in await publisher.made()]
    assert outcomes == [("create", "DELIVERED"), ("update", "SKIPPED"), ("update", "PENDING")]


async def test_what_it_has_told_is_not_told_again_by_an_earlier_change(publisher: Publisher) -> None:
    invoice = await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("totalCents")
    await publisher.conn.execute("update invoices set total_cents = 7 where id = $1", invoice.id)

    await start(publisher, webhook_id)
    await backfill_all(publisher.resources)
    made = await publisher.publish()

    assert [(one.state, one.response and one.response["data"]["node"]["totalCents"]) for one in made] == [
        ("PENDING", 7),
        ("SKIPPED", None),
    ]


async def test_goes_on_where_it_was_and_ends_with_what_there_was_at_the_start(publisher: Publisher) -> None:
    for _ in range(5):
        await create_invoice(publisher.conn)
    await recorded(publisher.conn)

    await start(publisher, await publisher.subscribe("id"), rate_per_second=2)
    steps = []
    for _ in range(3):
        await due_now(publisher)
        assert await backfill_batch(publisher.resources) is not None
        steps.append(await progress(publisher))
        # Not its business: told by its own change.
        await create_invoice(publisher.conn)

    assert steps == [("RUNNING", 5, 2, 0), ("RUNNING", 5, 4, 0), ("DONE", 5, 5, 0)]
    entities = [one.entity[1] for one in await publisher.made()]
    assert (entities, len(set(entities))) == (sorted(entities), 5)


async def test_keeps_to_its_rate(publisher: Publisher) -> None:
    for _ in range(5):
        await create_invoice(publisher.conn)
    begun = await publisher.conn.fetchval("select clock_timestamp()")
    await start(publisher, await publisher.subscribe("id"), rate_per_second=2)

    handled = await backfill_all(publisher.resources)

    ended = await publisher.conn.fetchval("select clock_timestamp()")
    due = await publisher.conn.fetchval("select due_at from webhook_backfills")
    assert (handled, await progress(publisher)) == (2, ("RUNNING", 5, 2, 0))
    # Two at two per second: the next ones a second later.
    assert begun + timedelta(seconds=1) <= due <= ended + timedelta(seconds=1)


async def test_waits_while_its_webhook_is_disabled_and_ends_with_its_deletion(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    webhook_id = await publisher.subscribe("id")
    await start(publisher, webhook_id)
    await publisher.conn.execute("update webhooks set is_enabled = false")

    waiting = await backfill_batch(publisher.resources)
    await publisher.conn.execute("update webhooks set is_enabled = true")
    await delete_webhook(publisher.resources.database, Viewer(None), webhook_id=WebhookId(webhook_id))
    deleted = await backfill_batch(publisher.resources)

    assert (waiting, deleted) == (None, None)
    assert (await progress(publisher))[0] == "CANCELLED"
    assert await publisher.made() == []


async def test_fails_with_its_reason_when_the_query_fits_no_more(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    await start(publisher, await publisher.subscribe("id"))
    await publisher.conn.execute(
        "update webhooks set query_string = 'query($id: ID!) { node(id: $id) { ... on Invoice { gone } } }'"
    )

    await backfill_all(publisher.resources)

    row = await publisher.conn.fetchrow("select state, reason, finished_at is not null from webhook_backfills")
    assert row is not None
    assert (row[0], row[2]) == ("FAILED", True)
    assert "gone" in row[1]


async def test_keeps_publishers_of_its_entities_away_until_it_commits(publisher: Publisher) -> None:
    invoice = await create_invoice(publisher.conn)
    await publisher.subscribe("id")

    async with publisher.conn.transaction():
        await publisher.conn.execute("select lock_entities('Invoice', array[$1::bigint])", invoice.id)
        of_invoice = await publisher.conn.fetchval("select count(*) from change_events where entity_type = 'Invoice'")
        for _ in range(10):
            await publish_batch(publisher.resources)
        left = await publisher.conn.fetchval(
            "select count(*) from change_events where entity_type = 'Invoice' and published_at is null"
        )

    assert (of_invoice, left) == (1, 1)
    assert [one.outcome for one in await publisher.publish()] == [("create", "PENDING")]
