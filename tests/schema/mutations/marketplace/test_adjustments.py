"""Promotions and fees that an order is made with."""

from typing import Any

import pytest

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

MONEY = "subtotalCents shippingCostCents discountCents taxTotalCents totalCents"
ROWS = "adjustments { adjustmentType appliesTo amountCents description }"
ORDER = f"""order {{ {MONEY} invoices {{ nodes {{ {MONEY} taxShippingCents {ROWS}
  lineItems {{ subtotalCents discountCents taxTotalCents totalCents postageCents {ROWS} }} }} }} }}"""


def _adjustment(kind: str, cents: int, applies_to: str = "SUBTOTAL_DISCOUNT") -> dict[str, Any]:
    return {"adjustmentType": kind, "appliesTo": applies_to, "amountCents": cents}


async def _create(mutate: Mutate, invoice: dict[str, Any]) -> dict[str, Any]:
    answer = await mutate("orderCreate", ORDER, {"order": {}, "invoices": [invoice]})
    payload: dict[str, Any] = answer["data"]["orderCreate"]
    return payload


async def test_adjustments_change_line_invoice_and_order(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, price_cents=1100)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "postageCents": 100}
    free_postage = _adjustment("PROMOTION", 100, "FREE_SHIPPING_DISCOUNT")
    invoice = {
        "sellerId": encode("Seller", variant.seller_id),
        "shippingCostCents": 550,
        "taxRate": 0.1,
        "lineItems": [{**line, "adjustments": [free_postage, _adjustment("FEE", 220)]}, {**line, "quantity": 3}],
        "adjustments": [
            {**_adjustment("PROMOTION", 462), "description": "Spring"},
            _adjustment("PROMOTION", 330, "FREE_SHIPPING_DISCOUNT"),
        ],
    }

    payload = await _create(mutate, invoice)

    assert payload["errors"] is None
    order = payload["order"]
    (made,) = order.pop("invoices")["nodes"]
    first, second = made.pop("lineItems")
    # Goods of 4400 and a fee of 220 less 462; shipping of 750 less 430: 4158 + 320, a tenth of it on top of the rest.
    money = {"subtotalCents": 4400, "shippingCostCents": 750, "discountCents": -892, "taxTotalCents": 407}
    assert order == {**money, "totalCents": 4478}
    assert {name: made[name] for name in (*money, "totalCents")} == order
    assert made["taxShippingCents"] == 29
    assert made["adjustments"] == [
        {
            "adjustmentType": "PROMOTION",
            "appliesTo": "SUBTOTAL_DISCOUNT",
            "amountCents": -462,
            "description": "Spring",
        },
        {
            "adjustmentType": "PROMOTION",
            "appliesTo": "FREE_SHIPPING_DISCOUNT",
            "amountCents": -330,
            "description": None,
        },
    ]
    assert [each["amountCents"] for each in first.pop("adjustments")] == [-100, 220]
    assert first == {
        "subtotalCents": 1100,
        "discountCents": -132,
        "taxTotalCents": 108,
        "totalCents": 1188,
        "postageCents": 100,
    }
    assert second == {
        "subtotalCents": 3300,
        "discountCents": -330,
        "taxTotalCents": 270,
        "totalCents": 2970,
        "postageCents": 100,
        "adjustments": [],
    }


@pytest.mark.parametrize(
    ("of_line", "of_invoice", "errors"),
    [
        (
            [_adjustment("PROMOTION", 1001)],
            [],
            {"lineItems.0.adjustments.0.amountCents": "is more than what it applies to: 1000"},
        ),
        (
            [_adjustment("PROMOTION", 400)],
            [_adjustment("PROMOTION", 500), _adjustment("PROMOTION", 101)],
            {"adjustments.1.amountCents": "is more than what it applies to: 100"},
        ),
        (
            [_adjustment("PROMOTION", 1, "FREE_SHIPPING_DISCOUNT")],
            [_adjustment("PROMOTION", 501, "FREE_SHIPPING_DISCOUNT")],
            {
                "lineItems.0.adjustments.0.amountCents": "is more than what it applies to: 0",
                "adjustments.0.amountCents": "is more than what it applies to: 499",
            },
        ),
        ([], [_adjustment("FEE", -1)], {"adjustments.0.amountCents": "must be at least 1"}),
    ],
)
async def test_nothing_costs_less_than_nothing(
    conn: Connection,
    mutate: Mutate,
    of_line: list[dict[str, Any]],
    of_invoice: list[dict[str, Any]],
    errors: dict[str, str],
) -> None:
    variant = await create_variant(conn, price_cents=1000)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "adjustments": of_line}
    seller_id = encode("Seller", variant.seller_id)
    invoice = {"sellerId": seller_id, "shippingCostCents": 500, "lineItems": [line], "adjustments": of_invoice}

    payload = await _create(mutate, invoice)

    assert payload["errors"] == [
        {"field": f"invoices.0.{field}", "messages": [message]} for field, message in errors.items()
    ]
    assert await conn.fetchval("select count(*) from orders") == 0
    assert await conn.fetchval("select count(*) from adjustments") == 0


async def test_lines_that_are_split_have_adjustments_too(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, price_cents=1000)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "adjustments": [_adjustment("PROMOTION", 1000)]}

    answer = await mutate("orderCreate", f"order {{ {MONEY} }}", {"order": {}, "lineItems": [line]})

    order = answer["data"]["orderCreate"]["order"]
    assert (order["subtotalCents"], order["discountCents"], order["totalCents"]) == (1000, -1000, 0)


async def test_a_cancelled_line_gives_back_what_was_paid_for_it(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, price_cents=1000)
    line = {"variantId": encode("Variant", variant.id), "quantity": 2}
    seller_id = encode("Seller", variant.seller_id)
    invoice = {"sellerId": seller_id, "lineItems": [line], "adjustments": [_adjustment("PROMOTION", 500)]}
    await _create(mutate, invoice)
    ids = await conn.fetchrow("select invoice_id, id from line_items")
    assert ids is not None

    answer = await mutate(
        "refundRequestCreate",
        "refundRequest { totalCents }",
        {
            "invoiceId": encode("Invoice", ids["invoice_id"]),
            "lineItems": [{"lineItemId": encode("LineItem", ids["id"]), "quantity": 1}],
            "notes": [],
        },
    )

    assert answer["data"]["refundRequestCreate"]["errors"] is None
    assert answer["data"]["refundRequestCreate"]["refundRequest"] == {"totalCents": 750}
