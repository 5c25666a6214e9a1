"""Values that are meant to do harm, and inputs that nobody sends by mistake: each is refused cleanly."""

from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.services.catalogue import MAX_BRANDS_PER_SELLER
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_brand
from tests.builders.orders import create_order
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

NO_PAGES = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "//evil.example",
    "https://",
    " https://a.b",
]
PROBLEM = {"messages": ["must be an http:// or https:// URL"]}


@pytest.mark.parametrize("url", NO_PAGES)
async def test_a_page_is_an_http_url(conn: Connection, mutate: Mutate, url: str) -> None:
    variant = await create_variant(conn)
    seller = await create_seller(conn)
    advert = {"title": "Kettle", "url": url, "variants": [{"label": "Red", "url": url}]}

    changed = await mutate(
        "variantUpdate", "", {"variantId": encode("Variant", variant.id), "attributes": {"url": url}}
    )
    made = await mutate("advertUpsert", "", {"attributes": advert}, Viewer(seller.id))
    variants = await mutate(
        "advertUpsert", "", {"attributes": {**advert, "url": "https://shop.example/kettle"}}, Viewer(seller.id)
    )

    assert changed["data"]["variantUpdate"]["errors"] == [{"field": "attributes.url", **PROBLEM}]
    assert made["data"]["advertUpsert"]["errors"] == [{"field": "attributes.url", **PROBLEM}]
    assert variants["data"]["advertUpsert"]["errors"] == [{"field": "attributes.variants.0.url", **PROBLEM}]
    assert await conn.fetchval("select count(*) from variants where url is not null") == 0


async def test_a_seller_adds_a_limited_number_of_brands(conn: Connection, mutate: Mutate) -> None:
    seller, known = await create_seller(conn), await create_brand(conn)
    await conn.execute(
        "insert into brands (name, slug, added_by) select 'b' || n, 'b' || n, $1 from generate_series(1, $2::int) n",
        seller.id,
        MAX_BRANDS_PER_SELLER - 1,
    )

    async def upsert(brand: str, viewer: Viewer) -> Any:
        given = {"title": "Kettle", "brandName": brand, "variants": [{"label": "Red"}]}
        of = {} if viewer.seller_id else {"sellerId": encode("Seller", seller.id)}
        return (await mutate("advertUpsert", "advert { brand { name } }", {"attributes": given, **of}, viewer))["data"][
            "advertUpsert"
        ]

    last = await upsert("The last one", Viewer(seller.id))
    refused = await upsert("One too many", Viewer(seller.id))
    existing = await upsert(known.name, Viewer(seller.id))
    operators = await upsert("The operator's", OPERATOR)

    assert [last["status"], existing["status"], operators["status"]] == [200, 200, 200]
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "attributes.brandName")
    assert await conn.fetchval("select count(*) from brands where name = 'One too many'") == 0
    assert await conn.fetchval("select added_by from brands where name = $1", "The operator's") is None


async def test_an_order_may_be_told_of_payment_events_alone(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    paid = {"orderId": encode("Order", sale.order.id), "paymentEvents": [{"amountCents": 4200, "successful": False}]}
    without = await create_order(conn)

    told = await mutate("orderUpdate", "order { paymentEvents { nodes { amount successful } } }", paid)
    nothing = await mutate("orderUpdate", "order { id }", {"orderId": encode("Order", without.id)})

    assert "errors" not in told, told
    assert told["data"]["orderUpdate"]["status"] == 200
    assert told["data"]["orderUpdate"]["order"]["paymentEvents"]["nodes"][-1] == {
        "amount": "42.00",
        "successful": False,
    }
    assert nothing["data"]["orderUpdate"]["status"] == 200


@pytest.mark.parametrize("depth", [200, 300, 900])
@pytest.mark.parametrize("key", [None, "k1"])
async def test_deeply_nested_json_is_refused_with_a_key_as_without(mutate: Mutate, depth: int, key: str | None) -> None:
    nested: Any = "x"
    for _ in range(depth):
        nested = [nested]
    attributes = {"url": "https://example.com/", "type": "INVOICE", "headers": {"X-A": nested}}

    answer = await mutate("webhookCreate", "webhook { id }", {"attributes": attributes}, key=key)

    assert "errors" not in answer
    assert (answer["data"]["webhookCreate"]["status"], answer["data"]["webhookCreate"]["webhook"]) == (422, None)
