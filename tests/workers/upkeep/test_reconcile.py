"""Reconciles: what a receiver has not got, or has got differently, is sent; nothing else is.

Above 300 lines: one case for each way in which a receiver may differ, by the same few steps.
"""

from typing import Any

from app.auth.viewers import Viewer
from app.webhooks.cel.filters import OVERSPENT, TOO_SLOW
from app.webhooks.db.runs.webhook_reconciles import WebhookReconcile
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.services.webhook_deletions import delete_webhook
from app.webhooks.services.webhook_reconciles import start_reconcile
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.outbox import MadeEvent, Publisher, recorded
from workers.upkeep.reconcile import reconcile_all, reconcile_batch

TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"
ENDLESS = f"{TEN}.map(a, {TEN}.map(b, {TEN}.map(c, {TEN}.map(d, {TEN}.map(e, {TEN}.map(f, a + f)))))) == "


async def start(publisher: Publisher, webhook_id: int, **given: Any) -> WebhookReconcile:
    return await start_reconcile(publisher.resources.database, Viewer(None), webhook_id=WebhookId(webhook_id), **given)


async def reconcile(publisher: Publisher, webhook_id: int, **given: Any) -> list[MadeEvent]:
    """Reconcile to the end. Return the webhook events that this has made."""
    before = {one.id for one in await publisher.made()}
    await start(publisher, webhook_id, **given)
    await reconcile_all(publisher.resources)
    return [one for one in await publisher.made() if one.id not in before]


async def progress(publisher: Publisher) -> tuple[Any, ...]:
    row = await publisher.conn.fetchrow(
        "select state, total, done, sent, failed from webhook_reconciles order by id desc limit 1"
    )
    assert row is not None
    return tuple(row)


def told(made: list[MadeEvent]) -> list[tuple[int, str, str]]:
    return [(one.entity[1], *one.outcome) for one in made]


async def test_sends_what_was_never_given_and_what_differs_and_nothing_else(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents")
    equal, changed = [await create_invoice(conn, total_cents=cents) for cents in (100, 200)]
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("update invoices set total_cents = 7 where id = $1", changed.id)
    new = await create_invoice(conn, total_cents=300)
    await recorded(conn)  # as if these changes had been lost

    made = await reconcile(publisher, webhook_id)

    assert told(made) == [(changed.id, "update", "PENDING"), (new.id, "create", "PENDING")]
    assert [one.response["data"]["node"]["totalCents"] for one in made] == [7, 300]
    assert await progress(publisher) == ("DONE", 3, 3, 2, 0)
    assert equal.id < changed.id


async def test_nothing_is_made_of_what_is_equal_or_on_its_way(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await publisher.publish()
    waiting = await reconcile(publisher, webhook_id)
    await publisher.deliver()

    assert (waiting, await reconcile(publisher, webhook_id)) == ([], [])
    assert await progress(publisher) == ("DONE", 1, 1, 0, 0)


async def test_what_is_gone_is_destroyed_once(publisher: Publisher) -> None:
    conn = publisher.conn
    mine, other = await create_seller(conn), await create_seller(conn)
    webhook_id = await publisher.subscribe("totalCents", seller_id=mine.id)
    deleted, moved = [await create_invoice(conn, seller_id=mine.id) for _ in range(2)]
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("delete from invoices where id = $1", deleted.id)
    await conn.execute("update invoices set seller_id = $2 where id = $1", moved.id, other.id)
    await recorded(conn)

    made = await reconcile(publisher, webhook_id)
    await publisher.deliver()

    assert told(made) == [(deleted.id, "destroy", "PENDING"), (moved.id, "destroy", "PENDING")]
    assert [one.response for one in made] == [{"data": {"node": None}}] * 2
    assert await reconcile(publisher, webhook_id) == []


async def test_an_unknown_outcome_is_sent_again(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await publisher.conn.execute("update webhook_given set payload_digest = null")

    assert told(await reconcile(publisher, webhook_id)) == [(invoice.id, "update", "PENDING")]


async def test_what_passes_the_filter_no_more_is_destroyed_and_comes_back(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents", filter="data.node.totalCents >= 100")
    passes, fails = [await create_invoice(conn, total_cents=cents) for cents in (100, 200)]
    never = await create_invoice(conn, total_cents=1)
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("update invoices set total_cents = 99 where id = $1", fails.id)
    await recorded(conn)

    left = await reconcile(publisher, webhook_id)
    await publisher.deliver()
    await conn.execute("update invoices set total_cents = 100 where id = $1", fails.id)
    await recorded(conn)
    back = await reconcile(publisher, webhook_id)

    assert told(left) == [(fails.id, "destroy", "PENDING")]
    assert told(back) == [(fails.id, "create", "PENDING")]
    assert passes.id < never.id


async def test_a_filter_of_changes_ends_nothing(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(conn)
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("update webhooks set filter = $1", '"totalCents" in event.changed.updated')

    assert await reconcile(publisher, webhook_id) == []
    named = await reconcile(publisher, webhook_id, entity_ids=[invoice.id, invoice.id + 1])
    assert told(named) == [(invoice.id, "update", "PENDING"), (invoice.id + 1, "destroy", "PENDING")]


async def test_named_entities_are_sent_even_if_equal_and_destroyed_if_there_are_none(publisher: Publisher) -> None:
    conn = publisher.conn
    mine, other = await create_seller(conn), await create_seller(conn)
    webhook_id = await publisher.subscribe("totalCents", seller_id=mine.id)
    invoice, gone = [await create_invoice(conn, seller_id=mine.id) for _ in range(2)]
    foreign = await create_invoice(conn, seller_id=other.id)
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("delete from invoices where id = $1", gone.id)
    await publisher.publish()
    await publisher.deliver()

    made = await reconcile(publisher, webhook_id, entity_ids=[10**9, foreign.id, gone.id, invoice.id])

    assert told(made) == [
        (invoice.id, "update", "PENDING"),
        (gone.id, "destroy", "PENDING"),
        (foreign.id, "destroy", "PENDING"),
        (10**9, "destroy", "PENDING"),
    ]
    assert await progress(publisher) == ("DONE", 4, 4, 4, 0)
    assert all(one.response == {"data": {"node": None}} for one in made[1:])


async def test_only_the_kinds_of_events_that_the_webhook_asks_for(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents", events=[WebhookEventName.UPDATE])
    known, gone = [await create_invoice(conn) for _ in range(2)]
    await conn.execute("update invoices set total_cents = total_cents + 1")
    await publisher.publish()
    await conn.execute("update invoices set total_cents = total_cents + 1")
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("delete from invoices where id = $1", gone.id)
    new = await create_invoice(conn)
    await recorded(conn)

    made = await reconcile(publisher, webhook_id)

    assert all(one.event_name == "update" for one in made)
    assert new.id in {one.entity[1] for one in made}
    assert gone.id not in {one.entity[1] for one in made}
    assert known.id < gone.id


async def test_a_change_during_the_run_is_sent_once(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents")
    invoice = await create_invoice(conn, total_cents=100)
    await publisher.publish()
    await publisher.deliver()
    await conn.execute("update invoices set total_cents = 7 where id = $1", invoice.id)

    made = await reconcile(publisher, webhook_id)
    afterwards = await publisher.publish()

    assert told(made) == [(invoice.id, "update", "PENDING")]
    assert [one.outcome for one in afterwards[-2:]] == [("update", "PENDING"), ("update", "SKIPPED")]


async def test_a_result_that_cannot_be_sent_counts_as_failed(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("buyerMessageToSeller")
    text = "x" * publisher.resources.settings.max_payload_bytes
    large = await create_invoice(conn, buyer_message_to_seller=text)
    small = await create_invoice(conn)
    await recorded(conn)

    made = await reconcile(publisher, webhook_id)

    assert told(made) == [(small.id, "create", "PENDING")]
    assert await progress(publisher) == ("DONE", 2, 2, 1, 1)
    assert large.id < small.id


async def test_no_more_wait_than_are_sent_at_once(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("id", rate_limit=3)
    for _ in range(5):
        await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await start(publisher, webhook_id)

    steps = []
    for _ in range(3):
        await publisher.conn.execute("update webhook_reconciles set due_at = now()")
        assert await reconcile_batch(publisher.resources) is not None
        steps.append(await progress(publisher))
    await publisher.deliver()
    await publisher.conn.execute("update webhook_reconciles set due_at = now()")
    await reconcile_all(publisher.resources)

    assert steps == [("RUNNING", 5, 3, 3, 0)] * 3
    assert await progress(publisher) == ("DONE", 5, 5, 5, 0)


async def test_waits_while_its_webhook_is_disabled_and_ends_with_its_deletion(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    webhook_id = await publisher.subscribe("id")
    await start(publisher, webhook_id)
    await publisher.conn.execute("update webhooks set is_enabled = false")

    waiting = await reconcile_batch(publisher.resources)
    await publisher.conn.execute("update webhooks set is_enabled = true")
    await delete_webhook(publisher.resources.database, Viewer(None), webhook_id=WebhookId(webhook_id))
    deleted = await reconcile_batch(publisher.resources)

    assert (waiting, deleted) == (None, None)
    assert (await progress(publisher))[0] == "CANCELLED"


async def test_fails_with_its_reason_when_the_query_fits_no_more(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    await start(publisher, await publisher.subscribe("id"))
    await publisher.conn.execute(
        "update webhooks set query_string = 'query($id: ID!) { node(id: $id) { ... on Invoice { gone } } }'"
    )

    await reconcile_all(publisher.resources)

    row = await publisher.conn.fetchrow("select state, reason from webhook_reconciles")
    assert row is not None
    assert row["state"] == "FAILED"
    assert "gone" in row["reason"]


async def test_goes_on_where_it_was_and_ends_with_what_there_was_at_the_start(publisher: Publisher) -> None:
    for _ in range(5):
        await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await start(publisher, await publisher.subscribe("id"), rate_per_second=2)

    steps = []
    for _ in range(3):
        await publisher.conn.execute("update webhook_reconciles set due_at = now()")
        assert await reconcile_batch(publisher.resources) is not None
        steps.append(await progress(publisher))
        # Not its business: told by its own change.
        await create_invoice(publisher.conn)

    assert [step[:3] for step in steps] == [("RUNNING", 5, 2), ("RUNNING", 5, 4), ("DONE", 5, 5)]
    entities = [one.entity[1] for one in await publisher.made()]
    assert (entities, len(set(entities))) == (sorted(entities), 5)


async def test_publishers_are_kept_away_from_what_differs_alone(publisher: Publisher) -> None:
    conn = publisher.conn
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(conn)
    await publisher.publish()
    await publisher.deliver()
    await start(publisher, webhook_id)

    async with conn.transaction():
        # As a publisher of every entity does; a reconcile that finds nothing waits for none.
        await conn.execute("select pg_advisory_xact_lock(7201, shard) from generate_series(0, 63) shard")
        handled = await reconcile_batch(publisher.resources)

    assert (handled, await progress(publisher)) == (1, ("DONE", 1, 1, 0, 0))


async def test_a_filter_that_takes_too_long_ends_it_and_destroys_nothing(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await publisher.conn.execute("update webhooks set filter = $1", f"{ENDLESS}[1]")

    made = await reconcile(publisher, webhook_id)

    row = await publisher.conn.fetchrow("select state, reason from webhook_reconciles")
    assert row is not None
    assert (made, tuple(row)) == ([], ("FAILED", f"The filter could not be evaluated: {TOO_SLOW}."))


async def test_waits_while_its_owner_has_no_time_for_filters(publisher: Publisher) -> None:
    conn = publisher.conn
    seller = await create_seller(conn)
    await create_invoice(conn, seller_id=seller.id)
    await recorded(conn)
    webhook_id = await publisher.subscribe("id", seller_id=seller.id, filter="false")
    for number in range(20):
        await publisher.resources.filters.evaluate(f"{ENDLESS}[{number}]", {}, b"{}", owner=seller.id)

    made = await reconcile(publisher, webhook_id)

    row = await conn.fetchrow("select state, reason, due_at > clock_timestamp() from webhook_reconciles")
    assert row is not None
    assert (made, tuple(row)) == ([], ("RUNNING", f"It waits for its filter: {OVERSPENT}.", True))


async def test_a_pulled_webhook_is_reconciled_alike(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("id", rate_limit=2)
    await publisher.conn.execute("update webhooks set delivery = 'PULL', url = null")
    for _ in range(3):
        await create_invoice(publisher.conn)
    await recorded(publisher.conn)

    made = await reconcile(publisher, webhook_id)

    # As many wait as may be taken in a second.
    assert [one.outcome for one in made] == [("create", "PENDING")] * 2
    assert await progress(publisher) == ("RUNNING", 3, 2, 2, 0)
    assert await publisher.conn.fetchval("select bool_and(is_pulled) from webhook_events")
