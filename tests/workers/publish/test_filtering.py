"""Triggers and filters reduce the events of a webhook, but never lose one that it asked for."""

import contextlib

import pytest

from app.webhooks.cel.filters import OVERSPENT, TOO_SLOW
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import UNTRIGGERED
from app.webhooks.domain.webhook_filter import FAILED, FALSE
from app.webhooks.services.deduplication import EQUAL
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import MadeEvent, Publisher, recorded
from workers.publish.job import publish_steps

TEN = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
#: Takes longer than a filter may.
ENDLESS = f"{TEN}.map(a, {TEN}.map(b, {TEN}.map(c, {TEN}.map(d, {TEN}.map(e, {TEN}.map(f, a + f)))))) == "


def outcomes(made: list[MadeEvent]) -> list[tuple[str, str, str | None]]:
    return [(one.event_name, one.state, one.reason) for one in made]


async def test_an_update_of_what_no_trigger_reads_is_counted_with_its_reason(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("buyerSurname totalCents", triggers=["totalCents"])

    await publisher.conn.execute("update invoices set buyer_surname = 'King'")
    await publisher.publish()
    await publisher.conn.execute("update invoices set total_cents = 5")

    (made,) = await publisher.publish()
    assert await publisher.skips() == {(webhook_id, UNTRIGGERED): 1}
    assert made.response == {"data": {"node": {"buyerSurname": "King", "totalCents": 5}}}


async def test_a_trigger_need_not_be_in_the_query(publisher: Publisher) -> None:
    await create_line_item(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("buyerSurname", triggers=["lineItems.quantityReturnable"], allow_skip=False)

    await publisher.conn.execute("update invoices set buyer_surname = 'King'")
    await publisher.publish()
    await publisher.conn.execute("update line_items set quantity_returnable = (quantity_returnable + 1) % 2")

    (made,) = await publisher.publish()
    assert made.response == {"data": {"node": {"buyerSurname": "King"}}}


async def test_a_result_equal_to_the_last_is_skipped_whatever_triggered_it(publisher: Publisher) -> None:
    await create_line_item(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("buyerSurname", triggers=["lineItems"])

    for _ in range(2):
        await publisher.conn.execute("update line_items set quantity_returnable = (quantity_returnable + 1) % 2")
        await publisher.publish()
        await publisher.deliver()

    assert outcomes(await publisher.made()) == [("update", "DELIVERED", None), ("update", "SKIPPED", EQUAL)]


async def test_a_relation_as_trigger_stands_for_its_rows_and_all_their_columns(publisher: Publisher) -> None:
    sale = await create_sale(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("legacyId", triggers=["shipments"], allow_skip=False)
    statements = [
        "update shipments set note = 'behind the shed'",
        "update line_items set quantity_returnable = (quantity_returnable + 1) % 2",
        f"insert into shipments (invoice_id, carrier, tracking_number) values ({sale.invoice.id}, 'Post', 'A1')",
        "delete from shipped_items",
        "delete from shipments",
    ]

    counts = []
    for statement in statements:
        await publisher.conn.execute(statement)
        made = await publisher.publish()
        counts.append(len(made))
        await publisher.deliver()

    assert counts == [1, 1, 2, 2, 3]


async def test_creation_and_destruction_are_not_narrowed(publisher: Publisher) -> None:
    await publisher.subscribe("legacyId", triggers=["statusFlags"])

    await create_invoice(publisher.conn)
    await publisher.publish()
    await publisher.deliver()
    await publisher.conn.execute("update invoices set buyer_surname = 'King'")
    await publisher.publish()
    await publisher.conn.execute("delete from invoices")

    assert outcomes(await publisher.publish()) == [
        ("create", "DELIVERED", None),
        ("destroy", "PENDING", None),
    ]


async def test_a_trigger_that_the_schema_lost_narrows_nothing(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("buyerSurname", triggers=["lost"])

    await publisher.conn.execute("update invoices set buyer_surname = 'King'")

    assert outcomes(await publisher.publish()) == [("update", "PENDING", None)]


async def test_what_the_filter_is_false_for_is_skipped(publisher: Publisher) -> None:
    await create_variant(publisher.conn, count_on_hand=1)
    await recorded(publisher.conn)
    await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter="data.node.countOnHand < 5")

    for count in (9, 3):
        await publisher.conn.execute("update variants set count_on_hand = $1", count)
        await publisher.publish()

    first, second = await publisher.made()
    assert (first.state, first.reason, first.response) == ("SKIPPED", FALSE, None)
    assert (second.state, second.reason, second.response) == ("PENDING", None, {"data": {"node": {"countOnHand": 3}}})


async def test_what_waits_is_not_replaced_by_what_is_filtered_out(publisher: Publisher) -> None:
    await create_variant(publisher.conn, count_on_hand=9)
    await recorded(publisher.conn)
    await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter="data.node.countOnHand < 5")

    for count in (3, 8, 4):
        await publisher.conn.execute("update variants set count_on_hand = $1", count)
        await publisher.publish()

    first, second, third = await publisher.made()
    assert [one.state for one in (first, second, third)] == ["SUPERSEDED", "SKIPPED", "PENDING"]
    assert first.superseded_by == third.id


async def test_a_filter_reads_what_changed(publisher: Publisher) -> None:
    await create_line_item(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe(
        "buyerSurname lineItems { quantityReturnable }",
        filter="event.name == 'update' && event.changed.updated.exists(path, path.startsWith('lineItems['))",
    )

    await publisher.conn.execute("update invoices set buyer_surname = 'King'")
    await publisher.publish()
    await publisher.conn.execute("update line_items set quantity_returnable = (quantity_returnable + 1) % 2")

    assert [one.state for one in await publisher.publish()] == ["SKIPPED", "PENDING"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("data.node.nope == 1", "The filter failed: there is no 'nope'; has(…) tells whether there is"),
        ("data.node.countOnHand", "The filter failed: its value is no boolean but int"),
    ],
)
async def test_a_filter_that_fails_lets_pass_and_says_so(publisher: Publisher, text: str, reason: str) -> None:
    await create_variant(publisher.conn, count_on_hand=1)
    await recorded(publisher.conn)
    await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter=text)

    await publisher.conn.execute("update variants set count_on_hand = 2")

    (made,) = await publisher.publish()
    assert (made.state, made.reason, made.response) == ("PENDING", reason, {"data": {"node": {"countOnHand": 2}}})


async def test_one_filter_does_not_decide_for_another_webhook(publisher: Publisher) -> None:
    await create_variant(publisher.conn, count_on_hand=1)
    await recorded(publisher.conn)
    none = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter="false")
    every = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter="true")
    plain = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT)

    await publisher.conn.execute("update variants set count_on_hand = 2")

    states = {one.webhook_id: one.state for one in await publisher.publish()}
    assert states == {none: "SKIPPED", every: "PENDING", plain: "PENDING"}


async def test_one_sellers_bad_filters_do_not_hold_up_or_decide_for_others(publisher: Publisher) -> None:
    seller = await create_seller(publisher.conn)
    await create_variant(publisher.conn, seller_id=seller.id, count_on_hand=1)
    await recorded(publisher.conn)
    for n in range(10):
        await publisher.subscribe(
            "sku countOnHand", klass=WebhookKlass.VARIANT, seller_id=seller.id, filter=f"{ENDLESS}[{n}]"
        )
    other = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT, filter="data.node.countOnHand > 2")

    await publisher.conn.execute("update variants set count_on_hand = 2")

    made = await publisher.publish()
    bad, (last,) = ([one for one in made if (one.webhook_id == other) is is_other] for is_other in (False, True))
    assert {one.state for one in bad} == {"PENDING"}
    assert [one.reason for one in bad].count(f"{FAILED}{TOO_SLOW}") <= 5
    assert {one.reason for one in bad[5:]} == {f"{FAILED}{OVERSPENT}"}
    assert (last.webhook_id, last.state, last.reason) == (other, "SKIPPED", FALSE)


async def test_bad_filters_of_many_sellers_are_left_for_further_steps(publisher: Publisher) -> None:
    """The filters of one step have a second. Without that bound, ten sellers could hold a step for twenty."""
    webhooks = []
    for n in range(6):
        variant = await create_variant(publisher.conn, count_on_hand=1)
        webhooks += [
            await publisher.subscribe(
                "sku countOnHand", klass=WebhookKlass.VARIANT, seller_id=variant.seller_id, filter=f"{ENDLESS}[{n}{m}]"
            )
            for m in range(2)
        ]
    await recorded(publisher.conn)
    canary = await publisher.subscribe("countOnHand", klass=WebhookKlass.VARIANT)
    await publisher.conn.execute("update variants set count_on_hand = 2")

    async with contextlib.aclosing(publish_steps(publisher.resources)) as steps:
        await anext(steps)
    first = await publisher.made()
    every = await publisher.publish()

    assert len([one for one in first if one.webhook_id == canary]) == 6
    assert len(first) < len(every)
    assert sorted(one.webhook_id for one in every) == sorted([*webhooks, *[canary] * 6])
    assert {one.state for one in every} == {"PENDING"}
