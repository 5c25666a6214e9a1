"""Mutations that change what is there, from the input's ids to the payload."""

from typing import Any

import pytest

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.sales import create_sale
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate


@pytest.fixture
async def ids(conn: Connection) -> dict[str, str]:
    """Global ids of one sale, whose advert has a second variant."""
    sale = await create_sale(conn)
    await create_variant(conn, advert_id=sale.advert.id)
    await conn.execute("update invoices set delivery_type = 'CLICK_AND_COLLECT'")
    names = ("seller", "advert", "variant", "order", "invoice", "line_item", "shipment")
    return {name: sale.id_of(name) for name in names}


@pytest.mark.parametrize(
    ("name", "given", "selection", "expected"),
    [
        (
            "orderUpdate",
            {"orderId": "order", "status": "PENDING_REVIEW", "attributes": {"firstName": "Grace", "phone": None}},
            "order { firstName surname status invoices { nodes { buyerFirstName statusFlags } } }",
            {
                "firstName": "Grace",
                "surname": "Byron",
                "status": "PENDING_REVIEW",
                "invoices": {"nodes": [{"buyerFirstName": "Grace", "statusFlags": ["PAID", "PAYMENT_UNDER_REVIEW"]}]},
            },
        ),
        (
            "shipmentUpdate",
            {"shipmentId": "shipment", "trackingNumber": "T-2", "note": "Left at the door"},
            "shipment { carrier trackingNumber note }",
            {"carrier": "Post", "trackingNumber": "T-2", "note": "Left at the door"},
        ),
        (
            "clickAndCollectStatusUpdate",
            {"invoiceId": "invoice", "status": "READY"},
            "invoice { statusFlags }",
            {"statusFlags": ["PAID", "READY"]},
        ),
        (
            "invoiceAmendmentCreate",
            {
                "invoiceId": "invoice",
                "lineItems": [{"custom": "Goodwill", "quantity": 1, "amountCents": -300, "status": "REFUNDED"}],
            },
            "invoiceAmendment { totalCents remittanceCents lineItems { custom } invoice"
            " { totalIncludingAdjustmentsCents } }",
            {
                "totalCents": -300,
                "remittanceCents": -300,
                "lineItems": [{"custom": "Goodwill"}],
                "invoice": {"totalIncludingAdjustmentsCents": 1700},
            },
        ),
        (
            "advertPublishedUpdate",
            {"id": "advert", "published": False},
            "advert { published displayable }",
            {"published": False, "displayable": False},
        ),
        (
            "advertDelete",
            {"id": "advert"},
            "advert { title displayable }",
            {"title": "Kettle", "displayable": False},
        ),
        (
            "variantDelete",
            {"id": "variant"},
            "variant { label displayable }",
            {"label": "Red", "displayable": False},
        ),
        (
            "sellerUpdate",
            {"sellerId": "seller", "attributes": {"businessName": "Pots", "isRetailer": False}},
            "seller { businessName emailAddress isRetailer }",
            {"businessName": "Pots", "emailAddress": "orders@kettles.example", "isRetailer": False},
        ),
    ],
)
async def test_changes(
    mutate: Mutate, ids: dict[str, str], name: str, given: dict[str, Any], selection: str, expected: dict[str, Any]
) -> None:
    given = {key: ids[value] if key.lower().endswith("id") else value for key, value in given.items()}

    answer = await mutate(name, selection, {**given, "clientMutationId": "c-1"})

    assert "errors" not in answer
    entity = selection.split(" ", 1)[0]
    assert answer["data"][name] == {"status": 200, "clientMutationId": "c-1", "errors": None, entity: expected}


async def test_seller_create(mutate: Mutate) -> None:
    given = {"attributes": {"businessName": "Pots", "emailAddress": "a@pots.example"}}

    answer = await mutate("sellerCreate", "seller { businessName online isRetailer }", given)

    assert answer["data"]["sellerCreate"]["seller"] == {"businessName": "Pots", "online": True, "isRetailer": True}


@pytest.mark.parametrize(
    ("name", "field", "type_name", "more"),
    [
        ("orderUpdate", "orderId", "Order", {}),
        ("shipmentUpdate", "shipmentId", "Shipment", {}),
        ("clickAndCollectStatusUpdate", "invoiceId", "Invoice", {"status": "READY"}),
        ("advertPublishedUpdate", "id", "Advert", {"published": True}),
        ("advertDelete", "id", "Advert", {}),
        ("variantDelete", "id", "Variant", {}),
        ("sellerUpdate", "sellerId", "Seller", {"attributes": {}}),
    ],
)
async def test_ids_are_of_the_right_type_and_of_something(
    mutate: Mutate, name: str, field: str, type_name: str, more: dict[str, Any]
) -> None:
    wrong = await mutate(name, "", {field: encode("Brand", 1), **more})
    unknown = await mutate(name, "", {field: encode(type_name, 10**12), **more})

    assert wrong["data"][name]["status"] == 422
    assert wrong["data"][name]["errors"] == [
        {
            "field": field,
            "messages": [f"is the id of a Brand, not of {'an' if type_name[0] in 'AIO' else 'a'} {type_name}"],
        }
    ]
    assert unknown["data"][name]["status"] == 404
    assert [error["field"] for error in unknown["data"][name]["errors"]] == [field]
