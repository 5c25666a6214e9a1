"""The other root lists: their filters and orders."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.invoice_amendments import create_invoice_amendment
from tests.builders.orders import create_order
from tests.builders.owned import create_external_id
from tests.builders.refund_requests import create_refund_request, create_refund_request_line_item
from tests.builders.remittances import create_remittance, create_remittance_advice
from tests.builders.sales import create_sale, create_sales
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.operation import run_operation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def found(
    conn: Connection, field: str, arguments: str = "", *, viewer: Viewer = OPERATOR, select: str = "legacyId"
) -> list[Any]:
    """One leaf of each row of a root list."""
    call = f"{field}({arguments})" if arguments else field
    answer = await run_operation(conn, f"{{ {call} {{ nodes {{ {select} }} }} }}", viewer=viewer)
    assert answer.errors == []
    return [node[select] for node in answer.data[field]["nodes"]]


async def test_refund_requests_by_each_filter(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    own, id_ = sale.refund_request, sale.refund_request.id
    await conn.execute(
        "update refund_requests set status = 'REFUNDED', created_at = $2, refunded_at = $2 where id = $1", id_, NOON
    )
    await conn.execute("update refund_request_line_items set status = 'REFUNDED' where refund_request_id = $1", id_)
    await conn.execute(
        "update invoices set buyer_surname = 'Noether', buyer_email_address = 'Emmy@x.example' where id = $1",
        own.invoice_id,
    )
    await conn.execute("update sellers set business_name = 'Rings & Fields' where id = $1", sale.seller.id)

    for given in (
        "statuses: [REFUNDED]",
        "lineItemStatuses: [REFUNDED, REFUND_DENIED]",
        'createdSince: "2026-03-04T12:00:00Z", createdUntil: "2026-03-04T12:00:01Z"',
        'refundedSince: "2026-03-04T12:00:00Z"',
        'refundedUntil: "2026-03-04T12:00:01Z"',
        f"invoiceLegacyId: {own.invoice_id}",
        f"legacyId: {id_}",
        'buyerName: "a noether"',
        'buyerEmailAddress: "emmy@X.example"',
        'businessName: "rings &"',
    ):
        assert await found(conn, "refundRequests", f"filters: {{{given}}}") == [id_], given
    assert await found(conn, "refundRequests", 'filters: {buyerEmailAddress: "emmy@x"}') == []
    assert await found(conn, "refundRequests", "filters: {statuses: []}") == []
    assert await found(conn, "refundRequests", "filters: {lineItemStatuses: []}") == []
    assert await found(conn, "refundRequests") == [id_, other.refund_request.id]


async def test_refund_requests_with_several_matching_lines_are_met_once(conn: Connection) -> None:
    request = await create_refund_request(conn)
    for _ in range(2):
        await create_refund_request_line_item(conn, refund_request_id=request.id)

    assert await found(conn, "refundRequests", "filters: {lineItemStatuses: [AWAITING_RETURN]}") == [request.id]


async def test_refund_requests_of_another_seller_are_none(conn: Connection) -> None:
    own, other = await create_sales(conn, 2)
    of_other, of_own = (f'sellerId: "{sale.id_of("seller")}"' for sale in (other, own))

    assert await found(conn, "refundRequests", of_other) == [other.refund_request.id]
    assert await found(conn, "refundRequests", of_other, viewer=Viewer(own.seller.id)) == []
    assert await found(conn, "refundRequests", of_own, viewer=Viewer(own.seller.id)) == [own.refund_request.id]


async def test_id_of_another_type_is_refused_by_name(conn: Connection) -> None:
    invoice = global_ids.encode("Invoice", 1)

    answer = await run_operation(conn, f'{{ refundRequests(sellerId: "{invoice}") {{ totalCount }} }}')

    assert answer.failures == [(["refundRequests"], "BAD_USER_INPUT")]
    assert answer.errors[0]["message"] == "sellerId: is the id of an Invoice, not of a Seller"


@pytest.mark.parametrize("field", ["updatedRefundRequests", "updatedOrders"])
async def test_updated_lists_begin_with_the_longest_unchanged(conn: Connection, field: str) -> None:
    create: Any = {"updatedRefundRequests": create_refund_request, "updatedOrders": create_order}[field]
    _, late, at = [(await create(conn, updated_at=NOON + n * HOUR)).id for n in (-1, 2, 0)]

    assert await found(conn, field, 'updatedSince: "2026-03-04T12:00:00Z"') == [at, late]


async def test_all_adverts_tells_published_unpublished_and_deleted_apart(conn: Connection) -> None:
    states: list[dict[str, Any]] = [{"is_published": False}, {"deleted_at": NOON}, {}]
    for number, state in enumerate(states):
        await create_advert(conn, updated_at=NOON - number * HOUR, **state)

    all_ = await found(conn, "allAdverts", select="__typename")
    since = await found(conn, "allAdverts", 'updatedSince: "2026-03-04T11:00:00Z"', select="__typename")

    assert all_ == ["Advert", "DeletedAdvert", "UnpublishedAdvert"]
    assert since == ["DeletedAdvert", "UnpublishedAdvert"]


async def test_variants_by_each_filter(conn: Connection) -> None:
    variant = await create_variant(conn, sku="S-1", barcode="B-1", count_on_hand=0, has_infinite_quantity=True)
    sold_out = await create_variant(conn, sku="S-2", count_on_hand=0)
    many = await create_variant(conn, sku="S-3", count_on_hand=7)
    await create_external_id(conn, "Variant", variant.id, key="erp", value="V-1")
    await create_external_id(conn, "Variant", many.id, key="pim", value="V-1")

    for given, ids in {
        'skus: ["S-1", "S-3"]': [variant.id, many.id],
        "skus: []": [],
        'barcodes: ["B-1"]': [variant.id],
        "stocked: true": [variant.id, many.id],
        "stocked: false": [sold_out.id],
        "infiniteQuantity: true": [variant.id],
        "infiniteQuantity: false": [sold_out.id, many.id],
        "quantityFrom: 7": [many.id],
        "quantityTo: 0": [variant.id, sold_out.id],
        "quantityFrom: 0, quantityTo: 6": [variant.id, sold_out.id],
        'externalId: {key: "erp", value: "V-1"}': [variant.id],
        "externalId: null, skus: null": [variant.id, sold_out.id, many.id],
    }.items():
        assert await found(conn, "variantsWhere", f"variantFilters: {{{given}}}") == ids, given


async def test_variants_of_adverts_that_meet_filters(conn: Connection) -> None:
    advert = await create_advert(conn, title="Blue 50% kettle", code="K-1", condition="USED", is_published=False)
    variant = await create_variant(conn, advert_id=advert.id)
    await create_variant(conn)
    await create_external_id(conn, "Advert", advert.id, key="erp", value="A-1")

    for given in (
        f"legacyIds: [{advert.id}]",
        f'sellerIds: ["{global_ids.encode("Seller", advert.seller_id)}"]',
        'title: "50% K"',
        'codes: ["K-1"]',
        "conditions: [USED]",
        "published: false",
        'externalId: {key: "erp", value: "A-1"}',
    ):
        assert await found(conn, "variantsWhere", f"advertFilters: {{{given}}}") == [variant.id], given
    assert await found(conn, "variantsWhere", "advertFilters: {legacyIds: []}") == []
    assert len(await found(conn, "variantsWhere", "advertFilters: {}, variantFilters: {}")) == 2


async def test_adverts_by_each_argument(conn: Connection) -> None:
    advert = await create_advert(conn, title="Kettle_1", created_at=NOON, updated_at=NOON, is_vetted=False)
    other = await create_advert(conn, title="Kettle 12")
    await create_advert(conn, title="Kettle_1", deleted_at=NOON)
    await create_variant(conn, advert_id=advert.id, sku="S-1", barcode="B-1")
    await create_variant(conn, advert_id=advert.id, sku="S-1", barcode="B-2")

    for given in (
        'q: "TLE_1"',
        f'q: "{advert.id}", vetted: false',
        f"legacyIds: [{advert.id}]",
        f'retailerIds: ["{global_ids.encode("Seller", advert.seller_id)}"]',
        'title: "tle_1"',
        "status: NOT_DISPLAYED",
        "vetted: false",
        'variantSkus: ["S-1"]',
        'variantBarcodes: ["B-2"]',
        'createdUntil: "2026-03-04T12:00:01Z"',
        'updatedUntil: "2026-03-04T12:00:01Z", updatedSince: "2026-03-04T12:00:00Z"',
    ):
        assert await found(conn, "advertsWhere", given) == [advert.id], given
    assert await found(conn, "advertsWhere", "status: DISPLAYED") == [other.id]
    assert await found(conn, "advertsWhere") == [advert.id, other.id]


async def test_seller_does_not_find_its_variant_by_anothers_advert(conn: Connection) -> None:
    seller = await create_seller(conn)
    variant = await create_variant(conn, seller_id=seller.id)
    anothers = await create_advert(conn, title="Secret")
    await conn.execute("update variants set advert_id = $1 where id = $2", anothers.id, variant.id)
    given = 'advertFilters: {title: "Secret"}'

    assert await found(conn, "variantsWhere", given, viewer=Viewer(seller.id)) == []
    assert await found(conn, "variantsWhere", given) == [variant.id]


async def test_invoice_amendments_by_filters_and_orders(conn: Connection) -> None:
    late, early, open_ = [
        await create_invoice_amendment(conn, remitted_at=at, created_at=NOON + n * HOUR)
        for n, at in enumerate((NOON + HOUR, NOON, None))
    ]
    order_id = await conn.fetchval("select order_id from invoices where id = $1", early.invoice_id)
    sorted_ = "sort: {fields: [REMITTED_AT], ordering: ASCENDING}"

    assert await found(conn, "invoiceAmendments") == [late.id, early.id, open_.id]
    assert await found(conn, "invoiceAmendments", sorted_) == [early.id, late.id, open_.id]
    for given in (
        f"legacyId: {early.id}",
        f"invoiceLegacyId: {early.invoice_id}",
        f"orderId: {order_id}",
        'remittedUntil: "2026-03-04T12:30:00Z"',
        'createdSince: "2026-03-04T13:00:00Z", createdUntil: "2026-03-04T14:00:00Z"',
    ):
        assert await found(conn, "invoiceAmendments", f"filters: {{{given}}}") == [early.id], given


async def test_webhook_events_by_each_filter(conn: Connection) -> None:
    webhook = await create_subscription(conn, "https://a.example/")
    other = await create_subscription(conn, "https://b.example/")
    ids = await create_due_events(conn, webhook, 2)
    (delivered,) = await create_due_events(conn, other, 1, first_entity=2, state="DELIVERED")
    await conn.execute("update webhook_events set created_at = $1, event_name = 'create' where id = $2", NOON, ids[0])
    of_webhook = f'webhookId: "{global_ids.encode("Webhook", webhook.id)}"'

    for given, wanted in {
        of_webhook: ids[::-1],
        "filters: null": [delivered, *ids[::-1]],
        "filters: {states: [DELIVERED, FAILED]}": [delivered],
        "filters: {eventNames: [CREATE]}": [ids[0]],
        f'filters: {{entityId: "{global_ids.encode("Invoice", 2)}"}}': [delivered, ids[1]],
        f'{of_webhook}, filters: {{entityId: "{global_ids.encode("Variant", 2)}"}}': [],
        'filters: {createdSince: "2026-03-04T12:00:00Z", createdUntil: "2026-03-04T12:00:01Z"}': [ids[0]],
    }.items():
        events = await found(conn, "webhookEvents", given, select="id")
        assert events == [global_ids.encode("WebhookEvent", one) for one in wanted], given


async def test_order_is_found_by_its_id(conn: Connection) -> None:
    order = await create_order(conn, token="T-1")
    document = "query($id: ID!) { order(orderId: $id) { token } }"

    found_ = await run_operation(conn, document, id=global_ids.encode("Order", order.id))
    none = await run_operation(conn, document, id=global_ids.encode("Order", order.id + 1))
    wrong = await run_operation(conn, document, id=global_ids.encode("Seller", 1))

    assert (found_.data, none.data) == ({"order": {"token": "T-1"}}, {"order": None})
    assert wrong.failures == [(["order"], "BAD_USER_INPUT")]


async def test_sellers_shows_a_seller_itself(conn: Connection) -> None:
    own, other = await create_seller(conn), await create_seller(conn)

    assert await found(conn, "sellers", viewer=Viewer(own.id)) == [own.id]
    assert await found(conn, "sellers") == [own.id, other.id]


@pytest.mark.parametrize("field", ["refundRequests", "variantsWhere", "invoiceAmendments", "advertsWhere"])
async def test_statements_do_not_grow_with_the_page(conn: Connection, field: str) -> None:
    sale = await create_sale(conn)
    for _ in range(3):
        await create_sale(conn, seller=sale.seller, order=sale.order)
    document = f"query($n: Int) {{ {field}(first: $n) {{ totalCount nodes {{ id externalIds {{ id }} }} }} }}"
    if field == "invoiceAmendments":
        document = document.replace("externalIds { id }", "invoice { id }")

    one, all_ = [await run_operation(conn, document, n=n) for n in (1, 4)]

    assert (len(one.data[field]["nodes"]), len(all_.data[field]["nodes"])) == (1, 4)
    assert one.statements == all_.statements == 3


async def test_remittance_advices_by_their_total_and_whose_they_are(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    amendment = await create_invoice_amendment(conn, invoice_id=sale.invoice.id)
    dollars, dinars, yen = [
        await create_remittance_advice(conn, seller_id=seller.id, total_cents=cents, currency=currency, paid_at=paid_at)
        for seller, cents, currency, paid_at in (
            (sale.seller, 1850, "AUD", NOON),
            (other.seller, 18_500, "BHD", None),
            (other.seller, -1850, "JPY", NOON),
        )
    ]
    await create_remittance(conn, invoice_id=sale.invoice.id, remittance_advice_id=dollars.id)
    await create_remittance(
        conn, invoice_id=sale.invoice.id, invoice_amendment_id=amendment.id, remittance_advice_id=dinars.id
    )
    await conn.execute("update sellers set business_name = 'Pots' where id = $1", other.seller.id)
    asked = {
        "total: 18.5": [dollars, dinars],
        "total: -1850": [yen],
        "total: 1850": [],
        "total: 1e999": [],
        "totalPaid: 18.5": [dollars],
        f"invoiceLegacyIds: [{sale.invoice.id}, 7000]": [dollars, dinars],
        f'invoiceAmendmentIds: ["{global_ids.encode("InvoiceAmendment", amendment.id)}"]': [dinars],
        f"invoiceAmendmentLegacyIds: [{amendment.id}]": [dinars],
        f"retailerLegacyIds: [{sale.seller.id}]": [dollars],
        'retailerNames: ["Pots"]': [dinars, yen],
    }

    answers = {arguments: await found(conn, "remittanceAdvices", arguments) for arguments in asked}

    assert answers == {arguments: [advice.id for advice in advices] for arguments, advices in asked.items()}
