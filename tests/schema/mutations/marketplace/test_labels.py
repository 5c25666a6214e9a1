"""Variants have what their labels say, and an advert what it says for its new variants."""

from typing import Any

import pytest

from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

LABEL = {
    "itemSize": 250.0,
    "itemUnit": "G",
    "comparableSize": 100.0,
    "comparableUnit": "G",
    "ingredients": "Oats, hazelnuts" + 400 * ", spices",
    "allergenContains": "Hazelnuts",
    "allergenMayContain": "Milk",
    "nutritionInformation": "1,890 kJ",
    "directions": "With milk",
    "storageInstructions": "Keep dry",
    "intendedPurpose": "Breakfast",
    "suitableFor": "Vegetarians",
    "productWarnings": "Pieces of shell",
    "healthWarnings": "Not for small children",
    "administrativeBodyWarning": "Eat a variety of foods",
    "wholesalePromoPriceStartAt": "2026-12-01T00:00:00+00:00",
    "wholesalePromoPriceEndAt": "2026-12-24T00:00:00+00:00",
}


async def test_a_variant_keeps_what_its_label_says(conn: Connection, mutate: Mutate) -> None:
    variant = encode("Variant", (await create_variant(conn, currency="AUD")).id)
    selection = (
        f"variant {{ {' '.join(LABEL)} wholesalePromoPrice wholesalePromoPriceCents wholesalePromoPriceFormatted }}"
    )
    promotion = {"wholesalePromoPrice": "8.25"}

    kept = await mutate("variantUpdate", selection, {"variantId": variant, "attributes": LABEL | promotion})
    cleared = await mutate("variantUpdate", selection, {"variantId": variant, "attributes": dict.fromkeys(LABEL)})

    amounts = {
        "wholesalePromoPrice": "8.25",
        "wholesalePromoPriceCents": 825,
        "wholesalePromoPriceFormatted": "$8.25",
    }
    assert kept["data"]["variantUpdate"]["variant"] == LABEL | amounts
    assert cleared["data"]["variantUpdate"]["variant"] == dict.fromkeys(LABEL) | amounts


@pytest.mark.parametrize(
    ("attributes", "field", "message"),
    [
        ({"ingredients": "x" * 10_001}, "ingredients", "must not be longer than 10000 characters"),
        ({"suitableFor": "x" * 501}, "suitableFor", "must not be longer than 500 characters"),
        ({"itemSize": 0}, "itemSize", "must be above 0"),
        ({"comparableSize": -1.5}, "comparableSize", "must be above 0"),
        ({"wholesalePromoPrice": "-1"}, "wholesalePromoPriceCents", "must not be negative"),
        ({"wholesalePromoPrice": "1.005"}, "wholesalePromoPrice", "has more decimals than AUD has"),
        ({"wholesalePromoPrice": "cheap"}, "wholesalePromoPrice", "must be an amount such as 12.50"),
        (
            {"wholesalePromoPriceStartAt": "2026-12-02", "wholesalePromoPriceEndAt": "2026-12-01"},
            "wholesalePromoPriceEndAt",
            "must not be before the promotion's start",
        ),
    ],
)
async def test_names_what_is_wrong_with_a_label(
    conn: Connection, mutate: Mutate, attributes: dict[str, Any], field: str, message: str
) -> None:
    variant = encode("Variant", (await create_variant(conn, currency="AUD")).id)

    answer = await mutate("variantUpdate", "", {"variantId": variant, "attributes": attributes})

    assert answer["data"]["variantUpdate"]["errors"] == [{"field": f"attributes.{field}", "messages": [message]}]


async def test_new_variants_take_the_other_prices_and_bounds_of_their_advert(conn: Connection, mutate: Mutate) -> None:
    seller = encode("Seller", (await create_seller(conn)).id)
    given = {
        "wholesalePrice": "8.00",
        "wholesalePromoPrice": "7.00",
        "wholesalePromoPriceStartAt": "2026-12-01",
        "wholesalePromoPriceEndAt": "2026-12-24",
        "recommendedRetailPrice": "15.00",
        "minPurchaseQuantity": 2,
        "maxPurchaseQuantity": 4,
    }
    own = {"wholesalePromoPrice": "6.00", "maxPurchaseQuantity": None}
    attributes = {"title": "Kettle", **given, "variants": [{"sku": "K-1"}, {"sku": "K-2", **own}]}
    selection = """advert { variants { nodes { wholesalePriceCents wholesalePromoPriceCents wholesalePromoPriceEndAt
      recommendedRetailPriceCents minPurchaseQuantity maxPurchaseQuantity } } }"""

    made = await mutate("advertUpsert", selection, {"sellerId": seller, "attributes": attributes})

    first = {
        "wholesalePriceCents": 800,
        "wholesalePromoPriceCents": 700,
        "wholesalePromoPriceEndAt": "2026-12-24T00:00:00+00:00",
        "recommendedRetailPriceCents": 1500,
        "minPurchaseQuantity": 2,
        "maxPurchaseQuantity": 4,
    }
    assert made["data"]["advertUpsert"]["advert"]["variants"]["nodes"] == [
        first,
        {**first, "wholesalePromoPriceCents": 600, "maxPurchaseQuantity": None},
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"price": "12.50"},
        {"salePriceEndAt": "2026-12-24"},
        {"wholesalePrice": "8.00"},
        {"recommendedRetailPrice": "15.00"},
        {"maxPurchaseQuantity": 4},
    ],
)
async def test_what_is_for_new_variants_is_refused_without_one(
    conn: Connection, mutate: Mutate, given: dict[str, Any]
) -> None:
    variant = await create_variant(conn)
    advert = encode("Advert", variant.advert_id)
    known = [{"id": encode("Variant", variant.id), "sku": "K-2"}]
    (name,) = given

    alone = await mutate("advertUpsert", "", {"advertId": advert, "attributes": given})
    beside = await mutate("advertUpsert", "", {"advertId": advert, "attributes": {**given, "variants": known}})
    cleared = await mutate("advertUpsert", "", {"advertId": advert, "attributes": {name: None}})
    used = await mutate("advertUpsert", "", {"advertId": advert, "attributes": {**given, "variants": [{"sku": "K-3"}]}})

    message = "is for new variants, and none is listed: give it to the variants that it is for"
    for refused in (alone, beside):
        assert refused["data"]["advertUpsert"]["errors"] == [{"field": f"attributes.{name}", "messages": [message]}]
    assert (cleared["data"]["advertUpsert"]["status"], used["data"]["advertUpsert"]["status"]) == (200, 200)
    assert await conn.fetchval("select count(*) from variants where sku = 'K-2'") == 0
