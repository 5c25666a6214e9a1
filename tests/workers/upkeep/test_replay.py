"""Replays of events that could not be rendered."""

from app.auth.viewers import Viewer
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.services.webhook_events import replay_event
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher, recorded
from workers.upkeep.replay import NOT_VISIBLE, render_again

BROKEN = "query($id: ID!) { node(id: $id) { ... on Invoice { gone } } }"
SOUND = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"


async def broken_events(publisher: Publisher, *, seller_id: int | None = None, changes: int = 1) -> list[int]:
    """Events of one invoice that could not be rendered, and that were all replayed."""
    await publisher.subscribe("totalCents", seller_id=seller_id)
    await publisher.conn.execute("update webhooks set query_string = $1", BROKEN)
    invoice = await create_invoice(publisher.conn, **({} if seller_id is None else {"seller_id": seller_id}))
    await publisher.publish()
    for cents in range(changes - 1):
        await publisher.conn.execute("update invoices set total_cents = $2 where id = $1", invoice.id, cents)
        await publisher.publish()
    ids = [one.id for one in await publisher.made()]
    for event_id in ids:
        await replay_event(publisher.resources.database, Viewer(None), event_id=WebhookEventId(event_id))
    return ids


async def test_a_repaired_query_is_run_and_a_new_event_stands_for_the_old_ones(publisher: Publisher) -> None:
    ids = await broken_events(publisher, changes=3)
    await publisher.conn.execute("update webhooks set query_string = $1", SOUND)

    assert await render_again(publisher.resources) == 3

    *old, new = await publisher.made()
    assert [(one.id, one.state, one.superseded_by) for one in old] == [
        (event_id, "SUPERSEDED", new.id) for event_id in ids
    ]
    assert (new.outcome, new.response) == (("create", "PENDING"), {"data": {"node": {"totalCents": 1}}})
    assert await render_again(publisher.resources) == 0


async def test_a_query_that_is_still_broken_says_so_and_is_left_alone(publisher: Publisher) -> None:
    (event_id,) = await broken_events(publisher)

    assert await render_again(publisher.resources) == 1
    assert await render_again(publisher.resources) == 0

    (event,) = await publisher.made()
    assert (event.id, event.outcome) == (event_id, ("create", "RENDER_FAILED"))
    assert "gone" in str(event.reason)
    assert await publisher.conn.fetchval("select due_at from webhook_events") is None


async def test_an_entity_that_is_not_the_owners_any_more_is_not_told(publisher: Publisher) -> None:
    owner, other = await create_seller(publisher.conn), await create_seller(publisher.conn)
    await broken_events(publisher, seller_id=owner.id)
    await publisher.conn.execute("update webhooks set query_string = $1", SOUND)
    await publisher.conn.execute("update invoices set seller_id = $1", other.id)
    await recorded(publisher.conn)

    await render_again(publisher.resources)

    (event,) = await publisher.made()
    assert (event.outcome, event.reason) == (("create", "RENDER_FAILED"), NOT_VISIBLE)


async def test_waits_while_the_webhook_is_disabled(publisher: Publisher) -> None:
    await broken_events(publisher)
    await publisher.conn.execute("update webhooks set query_string = $1, is_enabled = false", SOUND)

    assert await render_again(publisher.resources) == 0
    await publisher.conn.execute("update webhooks set is_enabled = true")
    assert await render_again(publisher.resources) == 1


async def test_a_replay_is_not_superseded_by_a_newer_state(publisher: Publisher) -> None:
    await publisher.subscribe("totalCents")
    invoice = await create_invoice(publisher.conn)
    (event,) = await publisher.publish()
    await publisher.deliver()
    await replay_event(publisher.resources.database, Viewer(None), event_id=WebhookEventId(event.id))

    await publisher.conn.execute("update invoices set total_cents = 9 where id = $1", invoice.id)

    assert [one.outcome for one in await publisher.publish()] == [("create", "PENDING"), ("update", "PENDING")]
