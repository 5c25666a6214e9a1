"""A waiting event is superseded by a later one, which tells both changes, or is skipped if they cancel out."""

from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.deduplication import EQUAL, NEVER_SENT
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher


async def test_what_waits_is_superseded_and_a_creation_stays_one(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()

    await publisher.conn.execute("update variants set sku = 'B'")
    first, second = await publisher.publish()

    assert (first.outcome, first.superseded_by) == (("create", "SUPERSEDED"), second.id)
    assert (second.outcome, second.response) == (("create", "PENDING"), {"data": {"node": {"sku": "B"}}})


async def test_what_takes_the_place_of_another_says_what_that_would_have_said(publisher: Publisher) -> None:
    await publisher.subscribe("sku label countOnHand", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.deliver()

    for change in ("sku = 'B'", "count_on_hand = 77", "label = 'B'"):
        await publisher.conn.execute(f"update variants set {change}")
        *_, last = await publisher.publish()

    assert (last.outcome, last.changed["updated"]) == (
        ("update", "PENDING"),
        ["sku", "countOnHand", "label"],
    )


async def test_what_is_changed_and_changed_back_before_anything_was_sent_is_nothing(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn, sku="A")
    await publisher.publish()
    await publisher.deliver()
    for sku in "BA":
        await publisher.conn.execute("update variants set sku = $1", sku)
        _, *rest = await publisher.publish()

    changed, back = rest

    assert (changed.outcome, changed.superseded_by) == (("update", "SUPERSEDED"), back.id)
    assert (back.outcome, back.reason) == (("update", "SKIPPED"), EQUAL)


async def test_created_and_destroyed_before_anything_was_sent_is_nothing(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn)
    await publisher.publish()

    await publisher.conn.execute("delete from variants")
    first, second = await publisher.publish()

    assert (first.outcome, first.superseded_by) == (("create", "SUPERSEDED"), second.id)
    assert (second.outcome, second.reason) == (("destroy", "SKIPPED"), NEVER_SENT)


async def test_a_destroy_after_a_superseded_attempt_at_the_creation_goes_out(publisher: Publisher) -> None:
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
    await create_variant(publisher.conn)
    await publisher.publish()
    await publisher.conn.execute("update webhook_events set state = 'RETRYING', attempt_count = 1")
    await publisher.conn.execute("update variants set sku = 'B'")
    await publisher.publish()

    await publisher.conn.execute("delete from variants")
    *_, last = await publisher.publish()

    assert last.outcome == ("destroy", "PENDING")
