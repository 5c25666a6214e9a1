"""No type shows a seller what belongs to another."""

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from tests.builders.sales import create_sale
from tests.builders.shipments import create_shipment_carrier
from tests.support.operation import read_node

SELLERS_OWN = [
    "seller",
    "advert",
    "variant",
    "invoice",
    "line_item",
    "shipment",
    "shipped_item",
    "refund_request",
    "refund_request_line_item",
    "refund_request_note",
    "invoice_amendment",
    "invoice_amendment_line_item",
]


@pytest.mark.parametrize("attribute", SELLERS_OWN)
async def test_seller_sees_its_own_and_not_anothers(conn: Connection, attribute: str) -> None:
    own, other = await create_sale(conn), await create_sale(conn)
    viewer = Viewer(own.seller.id)

    found = await read_node(conn, own.id_of(attribute), "Node { id }", viewer=viewer)
    hidden = await read_node(conn, other.id_of(attribute), "Node { id }", viewer=viewer)

    assert (found.data, found.errors) == ({"id": own.id_of(attribute)}, [])
    assert (hidden.data, hidden.errors) == (None, [])


@pytest.mark.parametrize("attribute", [*SELLERS_OWN, "order"])
async def test_operator_sees_everything(conn: Connection, attribute: str) -> None:
    sale = await create_sale(conn)

    found = await read_node(conn, sale.id_of(attribute), "Node { __typename id }")

    type_name = "".join(part.title() for part in attribute.split("_"))
    assert (found.data, found.errors) == ({"__typename": type_name, "id": sale.id_of(attribute)}, [])


async def test_order_is_a_permission_error_for_a_seller(conn: Connection) -> None:
    sale = await create_sale(conn)

    answer = await read_node(conn, sale.id_of("order"), "Node { id }", viewer=Viewer(sale.seller.id))

    assert (answer.data, answer.failures) == (None, [(["node"], "FORBIDDEN")])


async def test_everybody_sees_carriers(conn: Connection) -> None:
    sale = await create_sale(conn)
    carrier = await create_shipment_carrier(conn, name="Post", tracking_link_template="https://post.example/{n}")

    answer = await read_node(
        conn,
        "U2hpcG1lbnRDYXJyaWVyLTE=",
        "ShipmentCarrier { id legacyId name trackingLinkTemplate }",
        viewer=Viewer(sale.seller.id),
    )

    assert answer.data == {
        "id": "U2hpcG1lbnRDYXJyaWVyLTE=",
        "legacyId": carrier.id,
        "name": "Post",
        "trackingLinkTemplate": "https://post.example/{n}",
    }


async def test_link_to_what_is_anothers_is_null(conn: Connection) -> None:
    own, other = await create_sale(conn), await create_sale(conn)
    await conn.execute(
        "update line_items set advert_id = $1, variant_id = $2 where id = $3",
        other.advert.id,
        other.variant.id,
        own.line_item.id,
    )

    answer = await read_node(
        conn,
        own.id_of("line_item"),
        "LineItem { variant { id } advert { id } variantLegacyId }",
        viewer=Viewer(own.seller.id),
    )

    assert answer.data == {"variant": None, "advert": None, "variantLegacyId": other.variant.id}
    assert answer.errors == []
