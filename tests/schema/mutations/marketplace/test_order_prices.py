"""Prices of an order's lines with the taxes that they contain, as `cost`, `postage`, totals and rates tell them."""

from typing import Any

import pytest

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_inventory
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

SHOWN = """order { id totalCents taxTotalCents total invoices { nodes {
  totalCents taxTotalCents taxShippingCents taxRate postageTaxRate externalTaxApplied
  commissionAmountCents commissionAmountTaxCents commissionTaxRate
  merchantFeeCents merchantFeeFormatted merchantFeesTaxRate merchantFeeTaxTotalCents
  paymentInstrumentType externalIds { value } metadata { value }
  lineItems { itemAmountCents totalCents taxTotalCents taxRate postageCents postageTaxRate commissionRate
    commissionTaxRate merchantFeesTaxRate wholesalePrice inventory { countOnHand } externalIds { value }
    metadata { value } adjustments { amountCents amountToWithholdFromSellerRemittanceCents } } } } }"""


async def _invoice(conn: Connection, mutate: Mutate, order: dict[str, Any] | None = None, **line: Any) -> Any:
    variant = await create_variant(conn, price_cents=1000, wholesale_price_cents=825)
    await create_inventory(conn, variant_id=variant.id, count_on_hand=10)
    given = {"variantId": encode("Variant", variant.id), "quantity": 2, **line}
    answer = await mutate("orderCreate", SHOWN, {"order": order or {}, "lineItems": [given]})
    assert answer["data"]["orderCreate"]["errors"] is None, answer
    (invoice,) = answer["data"]["orderCreate"]["order"]["invoices"]["nodes"]
    return invoice


async def test_taxes_that_are_given_are_kept_to_the_cent(conn: Connection, mutate: Mutate) -> None:
    invoice = await _invoice(conn, mutate, cost={"amount": 2200, "tax": 193}, postage={"amount": 1100, "tax": 100})

    (line,) = invoice["lineItems"]
    assert (line["itemAmountCents"], line["totalCents"], line["taxTotalCents"]) == (1100, 2200, 193)
    assert (invoice["totalCents"], invoice["taxTotalCents"], invoice["taxShippingCents"]) == (3300, 293, 100)
    assert (invoice["externalTaxApplied"], invoice["postageTaxRate"], line["postageTaxRate"]) == (True, 0.1, 0.1)


@pytest.mark.parametrize(
    ("start", "end", "price"),
    [(None, None, "7.00"), ("-1 day", "1 day", "7.00"), ("1 day", None, "8.25"), (None, "-1 day", "8.25")],
)
async def test_during_a_promotion_the_operator_buys_for_its_price(
    conn: Connection, mutate: Mutate, start: str | None, end: str | None, price: str
) -> None:
    variant = await create_variant(conn, price_cents=1000, wholesale_price_cents=825, wholesale_promo_price_cents=700)
    await conn.execute(
        "update variants set wholesale_promo_price_start_at = now() + $1::text::interval,"
        " wholesale_promo_price_end_at = now() + $2::text::interval",
        start,
        end,
    )
    given = {"variantId": encode("Variant", variant.id), "quantity": 1}
    selection = "order { invoices { nodes { lineItems { wholesalePrice } } } }"

    answer = await mutate("orderCreate", selection, {"order": {}, "lineItems": [given]})

    (invoice,) = answer["data"]["orderCreate"]["order"]["invoices"]["nodes"]
    assert invoice["lineItems"] == [{"wholesalePrice": price}]


async def test_a_tax_follows_the_adjustments_of_its_amount(conn: Connection, mutate: Mutate) -> None:
    half = {"adjustmentType": "PROMOTION", "amountCents": 1100, "amountToWithholdFromSellerRemittanceCents": 550}

    invoice = await _invoice(conn, mutate, cost={"amount": 2200, "tax": 193}, adjustments=[half])

    (line,) = invoice["lineItems"]
    assert (line["totalCents"], line["taxTotalCents"]) == (1100, 97)
    assert line["adjustments"] == [{"amountCents": -1100, "amountToWithholdFromSellerRemittanceCents": 550}]


@pytest.mark.parametrize(
    "price",
    [
        {"cost": {"amount": 2200, "taxRate": 0.1}},
        {"cost": {"amount": 2200, "tax": 200}},
        {"totalCents": 2200, "taxRate": 0.1},
        {"itemAmountCents": 1100, "taxRate": 0.1},
    ],
)
async def test_a_price_means_the_same_in_each_form(conn: Connection, mutate: Mutate, price: dict[str, Any]) -> None:
    invoice = await _invoice(conn, mutate, postageCents=1100, **price)

    (line,) = invoice["lineItems"]
    assert (line["itemAmountCents"], line["taxTotalCents"], line["taxRate"]) == (1100, 200, 0.1)
    assert (invoice["taxTotalCents"], invoice["taxShippingCents"], invoice["taxRate"]) == (300, 100, 0.1)


async def test_a_line_keeps_its_commission_stock_and_values(conn: Connection, mutate: Mutate) -> None:
    kept = {"externalIds": [{"key": "erp", "value": "E-7"}], "metadata": [{"key": "colour", "value": "red"}]}

    invoice = await _invoice(
        conn, mutate, {"paymentInstrumentType": "card"}, commissionRate=0.15, commissionTaxRate=0.1, **kept
    )

    (line,) = invoice["lineItems"]
    assert (line["commissionRate"], line["commissionTaxRate"]) == ("0.15", 0.1)
    assert (invoice["commissionAmountCents"], invoice["commissionAmountTaxCents"]) == (300, 27)
    assert (invoice["commissionTaxRate"], invoice["paymentInstrumentType"]) == (0.1, "card")
    assert (line["wholesalePrice"], line["inventory"]) == ("8.25", {"countOnHand": 8})
    assert (line["externalIds"], line["metadata"]) == ([{"value": "E-7"}], [{"value": "red"}])


async def test_an_invoice_finds_its_seller_and_keeps_its_fee(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, price_cents=1000)
    invoice = {
        "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}],
        "totalCents": 1000,
        "merchantFeeCents": 110,
        "merchantFeesTaxRate": 0.1,
        "externalIds": [{"key": "erp", "value": "I-7"}],
        "metadata": [{"key": "till", "value": "3"}],
    }

    made = await mutate("orderCreate", SHOWN, {"order": {}, "invoices": [invoice]})
    refused = await mutate("orderCreate", SHOWN, {"order": {}, "invoices": [{**invoice, "totalCents": 999}]})

    (kept,) = made["data"]["orderCreate"]["order"]["invoices"]["nodes"]
    assert (kept["merchantFeeCents"], kept["merchantFeeFormatted"], kept["merchantFeeTaxTotalCents"]) == (
        110,
        "$1.10",
        10,
    )
    assert (kept["merchantFeesTaxRate"], kept["lineItems"][0]["merchantFeesTaxRate"]) == (0.1, 0.1)
    assert (kept["externalIds"], kept["metadata"]) == ([{"value": "I-7"}], [{"value": "3"}])
    assert refused["data"]["orderCreate"]["errors"] == [
        {"field": "invoices.0.totalCents", "messages": ["is not the total, which is 1000"]}
    ]
    assert await conn.fetchval("select count(*) from orders") == 1


async def test_names_what_is_wrong_with_prices(conn: Connection, mutate: Mutate) -> None:
    variant = encode("Variant", (await create_variant(conn)).id)
    lines = [
        {"variantId": variant, "quantity": 4, "cost": {"amount": 10830}},
        {"variantId": variant, "quantity": 1, "cost": {"amount": 100, "tax": 101}},
        {"variantId": variant, "quantity": 1, "cost": {"amount": 100, "tax": 9, "taxRate": 0.1}},
        {"variantId": variant, "quantity": 1, "totalCents": 100, "itemAmountCents": 100},
        {"variantId": variant, "quantity": 1, "postage": {"amount": 5}, "postageCents": 5},
    ]

    answer = await mutate("orderCreate", "", {"order": {}, "lineItems": lines})

    assert answer["data"]["orderCreate"]["errors"] == [
        {"field": "lineItems.0.cost.amount", "messages": ["is the price of all 4, each of which costs whole cents"]},
        {"field": "lineItems.1.cost.tax", "messages": ["is contained in the amount, and can't be more than that"]},
        {"field": "lineItems.2.cost.tax", "messages": ["give the tax or its rate"]},
        {"field": "lineItems.3.cost", "messages": ["give one of `cost`, `totalCents` and `itemAmountCents`"]},
        {"field": "lineItems.4.postage", "messages": ["give one of `postage` and `postageCents`"]},
    ]
