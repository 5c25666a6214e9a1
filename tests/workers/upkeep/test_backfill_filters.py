"""Backfills of what meets a list's filters: the same rows as the list has for the webhook's owner."""

from typing import Any

import pytest

from app.webhooks.domain.webhook import WebhookKlass
from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.owned import create_external_id
from tests.builders.refund_requests import create_refund_request
from tests.builders.shipments import create_shipment
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher, recorded
from tests.support.platform import Platform
from workers.upkeep.backfill import backfill_all, backfill_batch

START = """
mutation($input: WebhookBackfillMutationInput!) {
  webhookBackfill(input: $input) { status errors { field messages } webhookBackfill { filters } }
}
"""

LISTS = {
    "INVOICE": "query($invoices: InvoiceFilters) { found: invoices(filters: $invoices) { nodes { id } } }",
    "REFUND_REQUEST": "query($refundRequests: RefundRequestFilters)"
    " { found: refundRequests(filters: $refundRequests) { nodes { id } } }",
    "ADVERT": "{ found: advertsWhere(vetted: true) { nodes { id } } }",
    "VARIANT": "query($variants: VariantFilterInput, $adverts: AdvertFilterInput)"
    " { found: variantsWhere(variantFilters: $variants, advertFilters: $adverts) { nodes { id } } }",
}


async def start(api: Platform, webhook_id: int, filters: Any, **given: Any) -> Any:
    wanted = {"webhookId": global_ids.encode("Webhook", webhook_id), "ratePerSecond": 500, "filters": filters, **given}
    return (await api.data(START, {"input": wanted}))["webhookBackfill"]


async def sent(publisher: Publisher) -> list[str]:
    await backfill_all(publisher.resources)
    return [global_ids.encode(*one.entity) for one in await publisher.made()]


async def progress(publisher: Publisher) -> tuple[Any, ...]:
    row = await publisher.conn.fetchrow("select state, total, done, reason from webhook_backfills")
    assert row is not None
    return tuple(row)


async def create_marketplace(publisher: Publisher) -> None:
    """Of each kind several, which differ in what is filtered by."""
    conn = publisher.conn
    for stock in (0, 3, 8):
        advert = await create_advert(conn, title=f"Kettle of {stock}", is_vetted=stock > 0)
        await create_variant(conn, advert_id=advert.id, count_on_hand=stock)
        invoice = await create_invoice(conn, buyer_first_name=f"Ada {stock}", total_cents=stock)
        await create_line_item(conn, invoice_id=invoice.id, quantity=stock + 1, quantity_awaiting_dispatch=stock)
        await create_external_id(conn, "Invoice", invoice.id, value=f"E-{stock}")
        await create_refund_request(conn, invoice_id=invoice.id)
    await recorded(conn)


@pytest.mark.parametrize(
    ("klass", "filters", "count"),
    [
        ("INVOICE", {"invoices": {"notDispatched": True}}, 2),
        ("INVOICE", {"invoices": {"externalId": "E-3"}}, 1),
        ("INVOICE", {"invoices": {"statuses": ["PAID"], "buyerName": "da 8"}}, 1),
        ("INVOICE", {"invoices": {"statuses": []}}, 0),
        ("INVOICE", {"invoices": {}}, 3),
        ("REFUND_REQUEST", {"refundRequests": {"buyerName": "ADA 0"}}, 1),
        ("ADVERT", {"adverts": {"vetted": True}}, 2),
        ("VARIANT", {"variants": {"quantityFrom": 3}}, 2),
        ("VARIANT", {"variants": {"stocked": True}, "adverts": {"title": "of 3"}}, 1),
    ],
)
async def test_sends_what_the_list_of_the_type_has(
    api: Platform, publisher: Publisher, klass: str, filters: Any, count: int
) -> None:
    await create_marketplace(publisher)
    webhook_id = await publisher.subscribe("id", klass=WebhookKlass(klass))

    started = await start(api, webhook_id, filters)
    told = await sent(publisher)

    found = (await api.data(LISTS[klass], filters))["found"]["nodes"]
    assert (started["status"], started["webhookBackfill"]["filters"]) == (200, filters)
    assert sorted(told) == sorted(node["id"] for node in found)
    assert (len(told), await progress(publisher)) == (count, ("DONE", count, count, None))


async def test_sends_the_entities_that_are_named(api: Platform, publisher: Publisher) -> None:
    invoices = [await create_invoice(publisher.conn, buyer_surname=f"B{n % 2}") for n in range(4)]
    shipment = await create_shipment(publisher.conn, invoice_id=invoices[0].id)
    await recorded(publisher.conn)
    ids = [global_ids.encode("Invoice", one.id) for one in invoices[:3]]
    of_invoices = await publisher.subscribe("id")
    of_shipments = await publisher.subscribe("id", klass=WebhookKlass.SHIPMENT)

    await start(api, of_invoices, {"ids": ids, "invoices": {"buyerName": "b1"}})
    await start(api, of_shipments, {"ids": [global_ids.encode("Shipment", shipment.id)]})
    told = await sent(publisher)
    await start(api, of_invoices, {"ids": []})
    none = await sent(publisher)
    wrong = await start(api, of_shipments, {"ids": ids})

    assert sorted(told) == sorted([ids[1], global_ids.encode("Shipment", shipment.id)])
    assert none == told
    assert (wrong["status"], wrong["errors"][0]["field"]) == (422, "filters.ids.0")


async def test_every_batch_is_filtered_and_none_is_told_twice(api: Platform, publisher: Publisher) -> None:
    invoices = [await create_invoice(publisher.conn, total_cents=n, buyer_surname=f"B{n % 2}") for n in range(10)]
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("totalCents")

    await start(api, webhook_id, {"invoices": {"buyerName": "b1"}}, ratePerSecond=2)
    for _ in range(3):
        await publisher.conn.execute("update webhook_backfills set due_at = now()")
        assert await backfill_batch(publisher.resources) is not None

    assert await progress(publisher) == ("DONE", 5, 5, None)
    assert [one.entity[1] for one in await publisher.made()] == [one.id for one in invoices[1::2]]


async def test_times_and_filters_count_together(api: Platform, publisher: Publisher) -> None:
    invoices = [await create_invoice(publisher.conn, buyer_surname=name) for name in ("Byron", "Byron", "Babbage")]
    await publisher.conn.execute(
        "update invoices set updated_at = '2026-01-01T00:00:00Z' where id = $1", invoices[0].id
    )
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("id")

    await start(api, webhook_id, {"invoices": {"buyerName": "Byron"}}, updatedSince="2026-01-02T00:00:00Z")

    assert await sent(publisher) == [global_ids.encode("Invoice", invoices[1].id)]


async def test_filters_find_only_what_the_webhooks_owner_sees(api: Platform, publisher: Publisher) -> None:
    mine, other = await create_invoice(publisher.conn), await create_invoice(publisher.conn)
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("id", seller_id=mine.seller_id)

    # An operator's filters, of what the seller sees nothing of: another's invoice, and any order.
    await start(api, webhook_id, {"invoices": {"legacyId": other.id}})
    of_other = await sent(publisher)
    await start(api, webhook_id, {"invoices": {"orderId": mine.order_id}})
    of_order = await sent(publisher)
    await start(api, webhook_id, {"invoices": {"buyerName": "ada"}})
    of_buyer = await sent(publisher)

    assert (of_other, of_order, of_buyer) == ([], [], [global_ids.encode("Invoice", mine.id)])


@pytest.mark.parametrize(
    ("filters", "field"),
    [
        ({"variants": {"skus": ["A"]}}, "filters.variants"),
        ({"invoices": {"buyerName": "\0"}}, "filters"),
        ({"invoices": {"createdSince": "0001-01-01T00:00:00+14:00"}}, "filters"),
    ],
)
async def test_wrong_filters_are_refused_and_nothing_is_started(
    api: Platform, publisher: Publisher, filters: Any, field: str
) -> None:
    webhook_id = await publisher.subscribe("id")

    payload = await start(api, webhook_id, filters)

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [field])
    assert await publisher.conn.fetchval("select count(*) from webhook_backfills") == 0


async def test_ids_in_filters_are_of_their_type(api: Platform, publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("id", klass=WebhookKlass.ADVERT)

    payload = await start(api, webhook_id, {"adverts": {"sellerIds": [global_ids.encode("Advert", 1)]}})

    assert payload["errors"] == [
        {"field": "filters.sellerIds.0", "messages": ["is the id of an Advert, not of a Seller"]}
    ]


async def test_fails_with_its_reason_when_its_filters_fit_no_more(publisher: Publisher, api: Platform) -> None:
    await create_invoice(publisher.conn)
    await start(api, await publisher.subscribe("id"), {"invoices": {"legacyId": 1}})
    await publisher.conn.execute("""update webhook_backfills set filters = '{"invoices": {"gone": 1}}'""")

    told = await sent(publisher)

    state, _, _, reason = await progress(publisher)
    assert (told, state) == ([], "FAILED")
    assert "filters" in reason
    assert "gone" in reason
