"""Mutations of what hangs on invoices, refunds and variants, and of values kept with any owner."""

from datetime import UTC, datetime
from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.invoice_parts import create_invoice_annotation_type
from tests.builders.sales import Sale, create_sale
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment_carrier
from tests.schema.mutations.conftest import Mutate

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _sale(conn: Connection) -> Sale:
    """A sale whose rows were last changed long ago."""
    sale = await create_sale(conn)
    for table in TOUCHED:
        await conn.execute(f"update {table} set updated_at = $1", LONG_AGO)
    return sale


async def _touched(conn: Connection, table: str) -> bool:
    return bool(await conn.fetchval(f"select max(updated_at) > $1 from {table}", LONG_AGO))


async def test_a_carriers_report_joins_the_log(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    given = {"shipmentId": sale.id_of("shipment"), "status": "InTransit"}
    selection = "shipmentStatus { status shipment { statusLog { nodes { status } } } }"

    answer = await mutate("shipmentStatusCreate", selection, given, Viewer(sale.seller.id))
    others = await mutate("shipmentStatusCreate", selection, given, Viewer((await create_seller(conn)).id))

    assert answer["data"]["shipmentStatusCreate"]["shipmentStatus"] == {
        "status": "InTransit",
        "shipment": {"statusLog": {"nodes": [{"status": "InTransit"}]}},
    }
    assert others["data"]["shipmentStatusCreate"]["errors"] == [
        {"field": "shipmentId", "messages": ["there is no such shipment"]}
    ]
    assert await _touched(conn, "invoices")


async def test_a_parcel_comes_back(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    carrier = await create_shipment_carrier(conn, name="Fast")
    selection = "shipment { id trackingNumber note dropOffUrl carrier { name } shippedItems { quantity } }"
    given = {
        "refundRequestId": sale.id_of("refund_request"),
        "carrierId": encode("ShipmentCarrier", carrier.id),
        "trackingNumber": "R-1",
        "dropOffUrl": "https://fast.example/near",
        "shippedItems": [{"lineItemId": sale.id_of("line_item"), "quantity": 1}],
    }

    created = await mutate("returnShipmentCreate", selection, given, Viewer(sale.seller.id))
    made = created["data"]["returnShipmentCreate"]["shipment"]
    again = await mutate("returnShipmentCreate", selection, given)
    change = {"shipmentId": made["id"], "trackingNumber": "R-2", "dropOffUrl": None}
    updated = await mutate("returnShipmentUpdate", selection, change, Viewer(sale.seller.id))

    assert {**made, "id": None} == {
        "id": None,
        "trackingNumber": "R-1",
        "note": None,
        "dropOffUrl": "https://fast.example/near",
        "carrier": {"name": "Fast"},
        "shippedItems": [{"quantity": 1}],
    }
    assert again["data"]["returnShipmentCreate"]["errors"] == [
        {"field": "shippedItems.0.quantity", "messages": ["is more than are to come back: 0"]}
    ]
    assert updated["data"]["returnShipmentUpdate"]["shipment"] == {
        **made,
        "trackingNumber": "R-2",
        "dropOffUrl": None,
    }
    assert await _touched(conn, "invoices")
    assert await _touched(conn, "refund_requests")
    assert await conn.fetchval("select count(*) from return_shipments") == 1


async def test_names_what_is_wrong_with_a_parcel(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    carrier = await create_shipment_carrier(conn)
    given = {
        "refundRequestId": sale.id_of("refund_request"),
        "carrierId": encode("ShipmentCarrier", carrier.id),
        "trackingNumber": " ",
        "dropOffUrl": "javascript:alert(1)",
    }

    forms = await mutate("returnShipmentCreate", "", given)
    unknown = {**given, "trackingNumber": "R", "dropOffUrl": None, "carrierId": encode("ShipmentCarrier", 10**9)}
    rows = await mutate(
        "returnShipmentCreate",
        "",
        {**unknown, "shippedItems": [{"lineItemId": encode("LineItem", 10**9), "quantity": 1}]},
    )

    assert forms["data"]["returnShipmentCreate"]["errors"] == [
        {"field": "trackingNumber", "messages": ["must not be blank"]},
        {"field": "dropOffUrl", "messages": ["must be an http:// or https:// URL"]},
    ]
    assert rows["data"]["returnShipmentCreate"]["errors"] == [
        {"field": "shippedItems.0.lineItemId", "messages": ["there is no such line item in this refund request"]},
        {"field": "carrierId", "messages": ["there is no such carrier"]},
    ]
    assert await conn.fetchval("select count(*) from return_shipments") == 0


async def test_an_annotation_is_made_changed_and_resolved(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    of = await create_invoice_annotation_type(conn)
    viewer, selection = Viewer(sale.seller.id), "invoiceAnnotation { id content resolved }"
    new = {"invoiceId": sale.id_of("invoice"), "invoiceAnnotationTypeId": encode("InvoiceAnnotationType", of.id)}

    created = await mutate("invoiceAnnotationCreate", selection, {**new, "content": "Call"}, viewer)
    made = created["data"]["invoiceAnnotationCreate"]["invoiceAnnotation"]
    key = {"invoiceAnnotationId": made["id"]}
    updated = await mutate("invoiceAnnotationUpdate", selection, {**key, "content": "Call Ada"}, viewer)
    resolved = await mutate("invoiceAnnotationResolve", selection, key, viewer)
    other = Viewer((await create_seller(conn)).id)
    foreign = await mutate("invoiceAnnotationResolve", selection, {**key, "resolved": False}, other)
    blank = await mutate("invoiceAnnotationUpdate", selection, {**key, "content": "\t"}, viewer)

    assert (made["content"], made["resolved"]) == ("Call", False)
    assert updated["data"]["invoiceAnnotationUpdate"]["invoiceAnnotation"] == {**made, "content": "Call Ada"}
    assert resolved["data"]["invoiceAnnotationResolve"]["invoiceAnnotation"]["resolved"] is True
    assert foreign["data"]["invoiceAnnotationResolve"]["status"] == 404
    assert blank["data"]["invoiceAnnotationUpdate"]["errors"] == [
        {"field": "content", "messages": ["must not be blank"]}
    ]
    assert await _touched(conn, "invoices")


async def test_inventories_of_a_variant(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    other = await create_seller(conn)
    selection = "variant { inventories { nodes { countOnHand infiniteQuantity price { amount currencyCode } } } }"
    given = {
        "variantId": sale.id_of("variant"),
        "inventories": [
            {"countOnHand": 3, "priceCents": 1250},
            {"sellerId": encode("Seller", other.id), "infiniteQuantity": True},
        ],
    }

    await mutate("variantInventoryUpdate", selection, given)
    own = {"variantId": sale.id_of("variant"), "inventories": [{"countOnHand": 2}]}
    answer = await mutate("variantInventoryUpdate", "variant { id }", own, Viewer(sale.seller.id))
    foreign = await mutate("variantInventoryUpdate", "variant { id }", given, Viewer(sale.seller.id))

    assert answer["data"]["variantInventoryUpdate"]["status"] == 200
    rows = await conn.fetch(
        "select seller_id, count_on_hand, has_infinite_quantity, price_cents from inventories order by id"
    )
    assert [tuple(row) for row in rows] == [(sale.seller.id, 2, False, 1250), (other.id, 0, True, None)]
    assert foreign["data"]["variantInventoryUpdate"]["errors"] == [
        {"field": "inventories.1.sellerId", "messages": ["there is no such seller"]}
    ]
    assert await _touched(conn, "variants")
    assert await _touched(conn, "adverts")


async def test_names_what_is_wrong_with_inventories(conn: Connection, mutate: Mutate) -> None:
    sale = await _sale(conn)
    states = [{"countOnHand": -1, "priceCents": -1}, {"infiniteQuantity": None}]

    wrong = await mutate("variantInventoryUpdate", "", {"variantId": sale.id_of("variant"), "inventories": states})
    twice = await mutate("variantInventoryUpdate", "", {"variantId": sale.id_of("variant"), "inventories": [{}, {}]})

    assert wrong["data"]["variantInventoryUpdate"]["errors"] == [
        {"field": "inventories.0.countOnHand", "messages": ["must not be negative"]},
        {"field": "inventories.0.priceCents", "messages": ["must not be negative"]},
        {"field": "inventories.1.infiniteQuantity", "messages": ["can't be null"]},
    ]
    assert twice["data"]["variantInventoryUpdate"]["errors"] == [
        {"field": "inventories.1.sellerId", "messages": ["is listed twice"]}
    ]
    assert await conn.fetchval("select count(*) from inventories") == 0


#: Table → the owners by whose values `updated_at` of its row rises: the row itself, and its parts.
_OF_REQUESTS = {"refund_request", "refund_request_line_item"}
_OF_INVOICES = {"invoice", "line_item", "shipment", *_OF_REQUESTS}
TOUCHED = {
    "orders": {"order", *_OF_INVOICES},
    "invoices": _OF_INVOICES,
    "shipments": {"shipment"},
    "refund_requests": _OF_REQUESTS,
    "refund_request_line_items": {"refund_request_line_item"},
    "adverts": {"advert", "variant"},
    "variants": {"variant"},
    "sellers": {"seller"},
}
OWNERS = ("order", "invoice", "line_item", "shipment", "refund_request", "refund_request_line_item", "advert")


@pytest.mark.parametrize("owner", [*OWNERS, "variant", "seller"])
async def test_values_are_kept_with_an_owner_once_per_key(conn: Connection, mutate: Mutate, owner: str) -> None:
    stranger = Viewer((await create_seller(conn)).id)
    sale = await _sale(conn)
    given = {"owner": sale.id_of(owner), "key": "erp", "value": "E-1"}
    operator_only = owner == "order"

    first = await mutate("externalIdUpsert", "externalId { key value owner { __typename } }", given)
    second = await mutate("externalIdUpsert", "externalId { key value }", {**given, "value": "E-2"})
    own = await mutate("metadataUpsert", "metadata { key value }", given, Viewer(sale.seller.id))
    foreign = await mutate("metadataUpsert", "", given, stranger)

    assert first["data"]["externalIdUpsert"]["externalId"]["value"] == "E-1"
    assert second["data"]["externalIdUpsert"]["externalId"] == {"key": "erp", "value": "E-2"}
    assert own["data"]["metadataUpsert"]["status"] == (404 if operator_only else 200)
    assert foreign["data"]["metadataUpsert"]["status"] == 404
    assert await conn.fetchval("select array_agg(value) from external_ids") == ["E-2"]
    assert await conn.fetchval("select count(*) from metadata") == (0 if operator_only else 1)
    assert [table for table in TOUCHED if await _touched(conn, table)] == [
        table for table, parts in TOUCHED.items() if owner in parts
    ]


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        ({"owner": encode("Country", 1), "key": "k", "value": "v"}, {"owner": "a Country keeps no such values"}),
        ({"owner": encode("Order", 10**12), "key": "k", "value": "v"}, {"owner": "there is no such Order"}),
        ({"owner": encode("Order", 1), "key": " ", "value": "v"}, {"key": "must not be blank"}),
        ({"owner": "?", "key": "k", "value": "v"}, {"owner": "'?' is not an id of this API"}),
    ],
)
async def test_names_what_is_wrong_with_a_kept_value(
    mutate: Mutate, given: dict[str, Any], errors: dict[str, str]
) -> None:
    for name in ("externalIdUpsert", "metadataUpsert"):
        answer = await mutate(name, "", given)

        assert answer["data"][name]["errors"] == [
            {"field": field, "messages": [message]} for field, message in errors.items()
        ]
