"""The relations of the whole graph: what each shows, to whom, and in how many statements."""

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.whole_sales import OWNERS, WholeSale, create_whole_sale
from tests.support.operation import read_node, read_nodes

#: Type of `node` → (attribute, everything below it that this page is about, in how many statements).
GRAPH = {
    "Order": (
        "order",
        """lineItems { totalCount nodes { id } } shipments { id } aggregateInvoiceStatus
        address { country { id } state { id } } billingAddress { id } paymentEvents { nodes { id } }
        externalIds { id } metadata { key }""",
        10,
    ),
    "Invoice": (
        "invoice",
        """adjustments { id } annotations { id invoice { id } } shippingAddress { id country { id } }
        buyerBillingAddress { id } externalIds { id owner { id } } metadata { key }""",
        8,
    ),
    "LineItem": (
        "line_item",
        "image { id url } shipments { id } adjustments { id } externalIds { id } metadata { key }",
        6,
    ),
    "Shipment": (
        "shipment",
        "statusLog { totalCount nodes { status shipment { id } } } externalIds { id } metadata { key }",
        5,
    ),
    "InvoiceAmendment": ("invoice_amendment", "order { id }", 2),
    "RefundRequest": (
        "refund_request",
        """notes { attachments { id } } externalIds { id } metadata { key } lineItems { externalIds { id } }
        shipments { refundRequest { id } carrier { id } shippedItems { lineItem { id } }
          statusLog { nodes { id returnShipment { id } } } externalIds { id } metadata { key } }""",
        15,
    ),
    "Advert": (
        "advert",
        """brand { logo { id } } taxon { parent { id } children { nodes { id } } } images { nodes { id } }
        displayImage { id } lowestPrice variants(displayableOnly: true) { nodes { id } }
        advertOptionValues { nodes { optionType { optionValues { nodes { id } } } optionValue { optionType { id } } } }
        externalIds { id } metadata { key }""",
        15,
    ),
    "Variant": (
        "variant",
        """variantOptionValues { nodes { id optionType { id } optionValue { id } } } images { nodes { id } }
        inventories { nodes { id price { amount } seller { id } } } externalIds { id } metadata { key }""",
        10,
    ),
    "Seller": (
        "seller",
        "address { id } logo { id } storeImages { id } externalIds { id } metadata { key }",
        6,
    ),
}


@pytest.mark.parametrize("type_name", GRAPH)
async def test_statements_do_not_grow_with_the_number_of_parents(conn: Connection, type_name: str) -> None:
    attribute, fragment, statements = GRAPH[type_name]
    ids = [(await create_whole_sale(conn)).id_of(attribute) for _ in range(30)]

    few = await read_nodes(conn, ids[:3], f"{type_name} {{ {fragment} }}")
    many = await read_nodes(conn, ids, f"{type_name} {{ {fragment} }}")

    assert (few.errors, many.errors, len(many.data)) == ([], [], 30)
    assert (few.statements, many.statements) == (statements, statements)


#: Attribute of a whole sale → its GraphQL type: what is one seller's alone.
SELLERS_OWN = {
    "address": "Address",
    "advert_image": "Image",
    "logo": "Image",
    "adjustment": "Adjustment",
    "line_adjustment": "Adjustment",
    "invoice_annotation": "InvoiceAnnotation",
    "shipment_status": "ShipmentStatus",
    "return_shipment": "ReturnShipment",
    "return_shipped_item": "ReturnShippedItem",
    "return_shipment_status": "ReturnShipmentStatus",
    "variant_option_value": "VariantOptionValue",
    "advert_option_value": "AdvertOptionValue",
    "inventory": "Inventory",
}


@pytest.fixture
async def two(conn: Connection) -> tuple[WholeSale, WholeSale]:
    return await create_whole_sale(conn), await create_whole_sale(conn)


@pytest.mark.parametrize(("attribute", "type_name"), SELLERS_OWN.items())
async def test_seller_sees_its_own_and_not_anothers(
    conn: Connection, two: tuple[WholeSale, WholeSale], attribute: str, type_name: str
) -> None:
    own, other = two
    viewer = Viewer(own.sale.seller.id)

    found = await read_node(conn, own.id_of(attribute, type_name), "Node { id __typename }", viewer=viewer)
    hidden = await read_node(conn, other.id_of(attribute, type_name), "Node { id }", viewer=viewer)

    assert (found.data, found.errors) == (
        {"id": own.id_of(attribute, type_name), "__typename": type_name},
        [],
    )
    assert (hidden.data, hidden.errors) == (None, [])


@pytest.mark.parametrize("attribute", [name for name in OWNERS if name != "order"])
async def test_what_is_owned_is_seen_with_its_owner(
    conn: Connection, two: tuple[WholeSale, WholeSale], attribute: str
) -> None:
    own, other = two
    viewer, type_name = Viewer(own.sale.seller.id), OWNERS[attribute]
    fragment = f"{type_name} {{ externalIds {{ key value owner {{ id }} }} metadata {{ key value }} }}"

    found = await read_node(conn, own.id_of(attribute), fragment, viewer=viewer)
    hidden = await read_node(conn, _external_id(other, attribute), "ExternalID { key }", viewer=viewer)

    assert found.errors == []
    assert found.data == {
        "externalIds": [{"key": "erp", "value": "E-1", "owner": {"id": own.id_of(attribute)}}],
        "metadata": [{"key": "colour", "value": "teal"}],
    }
    assert (hidden.data, hidden.errors) == (None, [])


async def test_orders_external_ids_and_payments_are_the_operators(
    conn: Connection, two: tuple[WholeSale, WholeSale]
) -> None:
    own, _ = two
    viewer = Viewer(own.sale.seller.id)

    hidden = await read_node(conn, _external_id(own, "order"), "ExternalID { key }", viewer=viewer)
    refused = await read_node(conn, own.id_of("payment_event"), "PaymentEvent { id }", viewer=viewer)
    shown = await read_node(conn, _external_id(own, "order"), "ExternalID { owner { id } }")

    assert (hidden.data, hidden.errors) == (None, [])
    assert (refused.data, refused.failures) == (None, [(["node"], "FORBIDDEN")])
    assert shown.data == {"owner": {"id": own.id_of("order")}}


async def test_amendments_order_is_forbidden_for_a_seller_and_the_rest_stands(
    conn: Connection, two: tuple[WholeSale, WholeSale]
) -> None:
    own, _ = two
    fragment = "InvoiceAmendment { legacyId order { id } }"

    refused = await read_node(conn, own.id_of("invoice_amendment"), fragment, viewer=Viewer(own.sale.seller.id))
    shown = await read_node(conn, own.id_of("invoice_amendment"), fragment)

    amendment_id = own.sale.invoice_amendment.id
    assert refused.data == {"legacyId": amendment_id, "order": None}
    assert refused.failures == [(["node", "order"], "FORBIDDEN")]
    assert shown.data == {"legacyId": amendment_id, "order": {"id": own.id_of("order")}}


async def test_brands_and_taxons_are_everybodys(conn: Connection, two: tuple[WholeSale, WholeSale]) -> None:
    own, other = two
    viewer = Viewer(own.sale.seller.id)

    brand = await read_node(conn, other.id_of("brand"), "Brand { name logo { alt } }", viewer=viewer)
    taxon = await read_node(conn, other.id_of("taxon"), "Taxon { title }", viewer=viewer)

    assert brand.data == {"name": other.brand.name, "logo": {"alt": None}}
    assert taxon.data == {"title": "All for the kitchen"}


def _external_id(whole: WholeSale, attribute: str) -> str:
    return global_ids.encode("ExternalID", whole.external_ids[attribute].id)
