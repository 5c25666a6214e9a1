"""`inSyncAsOf` is the beginning of the last reconcile that the receiver has confirmed; the sweep starts what is due."""

from datetime import datetime
from typing import Any

from app.auth.viewers import Viewer
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.services.webhook_reconciles import start_reconcile
from app.webhooks.services.webhooks import WebhookAttributes, update_webhook
from tests.builders.invoices import create_invoice
from tests.support.outbox import Publisher, recorded
from workers.upkeep.reconcile import reconcile_all, start_due


async def reconcile(publisher: Publisher, webhook_id: int, **given: Any) -> datetime:
    """Reconcile to the end, and return the time at which it began."""
    database = publisher.resources.database
    run = await start_reconcile(database, Viewer(None), webhook_id=WebhookId(webhook_id), **given)
    await reconcile_all(publisher.resources)
    started_at = await publisher.conn.fetchval("select started_at from webhook_reconciles where id = $1", run.id)
    assert isinstance(started_at, datetime)
    return started_at


async def in_sync_as_of(publisher: Publisher) -> datetime | None:
    await start_due(publisher.resources)
    found = await publisher.conn.fetchval("select in_sync_as_of from webhooks")
    assert found is None or isinstance(found, datetime)
    return found


async def end(publisher: Publisher, state: str) -> None:
    """End what waits in this state, without its receiver having confirmed it."""
    await publisher.conn.execute(
        "update webhook_events set state = $1, due_at = null, finished_at = clock_timestamp() where state = 'PENDING'",
        state,
    )


async def test_it_is_the_beginning_once_everything_was_delivered(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    began = await reconcile(publisher, webhook_id)
    waiting = await in_sync_as_of(publisher)
    await publisher.deliver()

    assert (waiting, await in_sync_as_of(publisher)) == (None, began)
    assert await publisher.conn.fetchval("select confirmed_at > finished_at from webhook_reconciles")


async def test_nothing_to_send_is_in_sync_at_once(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")

    assert await reconcile(publisher, webhook_id) == await in_sync_as_of(publisher)


async def test_an_equal_event_that_waited_already_has_to_be_delivered_too(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await publisher.publish()
    began = await reconcile(publisher, webhook_id)
    waiting = await in_sync_as_of(publisher)
    await publisher.deliver()

    assert (waiting, await in_sync_as_of(publisher)) == (None, began)


async def test_what_has_taken_its_place_has_to_be_delivered(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    began = await reconcile(publisher, webhook_id)
    for cents in (7, 8):
        await publisher.conn.execute("update invoices set total_cents = $2 where id = $1", invoice.id, cents)
        await publisher.publish()
    superseded = await in_sync_as_of(publisher)
    await publisher.deliver()

    states = await publisher.conn.fetch("select state from webhook_events order by id")
    assert [row["state"] for row in states] == ["SUPERSEDED", "SUPERSEDED", "DELIVERED"]
    assert (superseded, await in_sync_as_of(publisher)) == (None, began)


async def test_a_failed_event_leaves_it_to_the_next_reconcile(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await reconcile(publisher, webhook_id)
    await end(publisher, "FAILED")
    failed = await in_sync_as_of(publisher)
    began = await reconcile(publisher, webhook_id)
    await publisher.deliver()

    assert (failed, await in_sync_as_of(publisher)) == (None, began)
    states = await publisher.conn.fetch("select is_void, confirmed_at is null from webhook_reconciles order by id")
    assert [tuple(row) for row in states] == [(True, True), (False, False)]


async def test_what_takes_the_place_of_a_failed_one_does_not_hide_it(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await reconcile(publisher, webhook_id)
    await publisher.conn.execute("update invoices set total_cents = 7 where id = $1", invoice.id)
    await publisher.publish()
    await end(publisher, "CANCELLED")

    assert await in_sync_as_of(publisher) is None
    assert await publisher.conn.fetchval("select is_void from webhook_reconciles")


async def test_a_result_that_cannot_be_sent_is_never_in_sync(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("buyerMessageToSeller")
    text = "x" * publisher.resources.settings.max_payload_bytes
    await create_invoice(publisher.conn, buyer_message_to_seller=text)
    await recorded(publisher.conn)
    await reconcile(publisher, webhook_id)

    assert await in_sync_as_of(publisher) is None


async def test_named_entities_say_nothing_of_the_others(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await reconcile(publisher, webhook_id, entity_ids=[invoice.id])
    await publisher.deliver()

    assert await in_sync_as_of(publisher) is None
    assert await publisher.conn.fetchval("select confirmed_at is not null from webhook_reconciles")


async def test_another_query_begins_anew(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await reconcile(publisher, webhook_id)
    before = await in_sync_as_of(publisher)
    await reconcile(publisher, webhook_id)  # not confirmed yet

    query = "query($id: ID!) { node(id: $id) { ... on Invoice { id } } }"
    await change(publisher, webhook_id, {"query_string": query})
    after = await in_sync_as_of(publisher)
    began = await reconcile(publisher, webhook_id)

    assert before is not None
    assert (after, await in_sync_as_of(publisher)) == (None, began)
    await change(publisher, webhook_id, {"description": "for the ERP"})
    assert await in_sync_as_of(publisher) == began


async def test_the_sweep_starts_what_is_due_once_the_one_before_is_confirmed(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents", reconcile_every_hours=2)
    await create_invoice(conn)
    await recorded(conn)

    counts = []
    for step in ("start", "running", "unconfirmed", "confirmed", "due"):
        if step == "unconfirmed":
            await reconcile_all(publisher.resources)
        if step == "confirmed":
            await publisher.deliver()
        if step in ("running", "unconfirmed", "due"):
            await conn.execute("update webhooks set reconcile_due_at = now()")
        if step == "confirmed":
            await conn.execute("update webhooks set reconcile_due_at = now() + interval '1 hour'")
        await start_due(publisher.resources)
        counts.append(await conn.fetchval("select count(*) from webhook_reconciles where is_scheduled"))
    await change(publisher, webhook_id, {"reconcile_every_hours": 2})
    next_in = await conn.fetchval("select extract(epoch from reconcile_due_at - clock_timestamp()) from webhooks")

    assert counts == [1, 1, 1, 1, 2]
    assert 7_000 < next_in <= 7_200
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_reconciles") == [webhook_id] * 2


async def test_nothing_is_scheduled_for_a_disabled_webhook_or_without_hours(publisher: Publisher) -> None:
    conn = publisher.conn
    disabled = await publisher.subscribe("id", reconcile_every_hours=1, is_enabled=False)
    stopped = await publisher.subscribe("id", reconcile_every_hours=1)
    await change(publisher, stopped, {"reconcile_every_hours": None})

    await start_due(publisher.resources)
    none = await conn.fetchval("select count(*) from webhook_reconciles")
    await change(publisher, disabled, {"is_enabled": True})
    await start_due(publisher.resources)

    assert none == 0
    assert await conn.fetchval("select array_agg(webhook_id) from webhook_reconciles") == [disabled]


async def change(publisher: Publisher, webhook_id: int, attributes: WebhookAttributes) -> None:
    resources = publisher.resources
    await update_webhook(
        resources.database, Viewer(None), resources.settings, webhook_id=WebhookId(webhook_id), attributes=attributes
    )
