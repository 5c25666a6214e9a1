"""One stock: the inventory of the variant's own seller, on which orders draw; differences and conditional writes."""

import asyncio
from typing import Any

from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.services.stock import StockAdjustment, adjust_stock
from app.marketplace.orders.services.new_orders import NewLineItem, NewOrder, NewPurchase
from app.marketplace.orders.services.orders import create_order
from schema.entities.global_ids import encode
from tests.builders.adverts import create_advert
from tests.builders.catalogue import create_inventory
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

STOCK = "countOnHand infiniteQuantity inventories { nodes { countOnHand infiniteQuantity } }"


async def _stock(conn: Connection) -> list[tuple[Any, ...]]:
    """Return the stock of each variant beside that of its own seller's inventory."""
    rows = await conn.fetch(
        "select v.count_on_hand, n.count_on_hand, v.has_infinite_quantity, n.has_infinite_quantity from variants v"
        " left join inventories n on n.variant_id = v.id and n.seller_id = v.seller_id order by v.id"
    )
    return [tuple(row) for row in rows]


async def test_the_stock_is_one_whoever_writes_it(conn: Connection, database: Database, mutate: Mutate) -> None:
    variant = await create_variant(conn, count_on_hand=10)
    await create_inventory(conn, variant_id=variant.id, count_on_hand=8)
    others = await create_inventory(conn, variant_id=variant.id, seller_id=(await create_seller(conn)).id)
    key = {"variantId": encode("Variant", variant.id)}

    stocks = [await _stock(conn)]
    lines = [NewLineItem(variant_id=variant.id, quantity=3)]
    await create_order(database, OPERATOR, NewPurchase(order=NewOrder(), line_items=lines))
    stocks.append(await _stock(conn))
    await mutate("variantUpdate", "status", {**key, "attributes": {"countOnHand": 20, "infiniteQuantity": True}})
    stocks.append(await _stock(conn))
    await mutate("variantInventoryUpdate", "status", {**key, "inventories": [{"infiniteQuantity": False}]})
    stocks.append(await _stock(conn))
    await mutate("stockAdjust", "status", {"adjustments": [{**key, "difference": -4}]})
    stocks.append(await _stock(conn))

    states = [(8, False), (5, False), (20, True), (20, False), (16, False)]
    assert stocks == [[(count, count, is_infinite, is_infinite)] for count, is_infinite in states]
    assert await conn.fetchval("select count_on_hand from inventories where id = $1", others.id) == 5


async def test_a_new_variant_has_an_inventory_from_the_start(conn: Connection, mutate: Mutate) -> None:
    seller = await create_seller(conn)
    variants = [{"label": "Red", "countOnHand": 7}, {"label": "File", "infiniteQuantity": True}]

    await mutate("advertUpsert", "status", {"attributes": {"title": "Pot", "variants": variants}}, Viewer(seller.id))
    priced = [{"priceCents": 500}]
    added = encode("Variant", await conn.fetchval("select min(id) from variants"))
    await mutate("variantInventoryUpdate", "status", {"variantId": added, "inventories": priced})

    assert await _stock(conn) == [(7, 7, False, False), (0, 0, True, True)]
    assert await conn.fetchval("select price_cents from inventories order by id limit 1") == 500


async def test_a_price_for_a_variant_without_inventory_keeps_its_stock(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, count_on_hand=10)

    given = {"variantId": encode("Variant", variant.id), "inventories": [{"priceCents": 500}]}
    await mutate("variantInventoryUpdate", "status", given)

    assert await _stock(conn) == [(10, 10, False, False)]


async def test_differences_of_several_variants_are_added_or_none(conn: Connection, mutate: Mutate) -> None:
    advert = await create_advert(conn)
    first = await create_variant(conn, advert_id=advert.id, count_on_hand=5)
    second = await create_variant(conn, advert_id=advert.id, count_on_hand=1)
    endless = await create_variant(conn, advert_id=advert.id, has_infinite_quantity=True)
    foreign = await create_variant(conn)
    seller = Viewer(advert.seller_id)

    def listed(*pairs: tuple[Any, int]) -> dict[str, Any]:
        return {"adjustments": [{"variantId": encode("Variant", v.id), "difference": n} for v, n in pairs]}

    done = await mutate(
        "stockAdjust", "variants { legacyId countOnHand }", listed((second, 9), (first, -6), (first, 2)), seller
    )
    wrong = await mutate("stockAdjust", "variants { id }", listed((first, 1), (second, -11), (endless, 1)), seller)
    large = await mutate("stockAdjust", "variants { id }", listed((first, 2**31 - 1)), seller)
    unseen = await mutate("stockAdjust", "variants { id }", listed((first, 1), (foreign, 1)), seller)

    assert done["data"]["stockAdjust"]["variants"] == [
        {"legacyId": second.id, "countOnHand": 10},
        {"legacyId": first.id, "countOnHand": 1},
    ]
    assert wrong["data"]["stockAdjust"]["errors"] == [
        {"field": "adjustments.1.difference", "messages": ["takes more than there are: 10"]},
        {"field": "adjustments.2.variantId", "messages": ["never runs out: it has no stock to adjust"]},
    ]
    assert large["data"]["stockAdjust"]["errors"] == [
        {"field": "adjustments.0.difference", "messages": ["makes a stock that is too large"]}
    ]
    assert (unseen["data"]["stockAdjust"]["status"], unseen["data"]["stockAdjust"]["errors"]) == (
        404,
        [{"field": "adjustments.1.variantId", "messages": ["there is no such variant"]}],
    )
    counts = await conn.fetch("select count_on_hand from variants order by id")
    assert [row[0] for row in counts] == [1, 10, 10, 10]


async def test_differences_and_purchases_at_the_same_time_all_count(conn: Connection, database: Database) -> None:
    variants = [await create_variant(conn, count_on_hand=100) for _ in range(3)]
    for variant in variants:
        await create_inventory(conn, variant_id=variant.id, count_on_hand=100)
    up = [StockAdjustment(variant_id=variant.id, difference=2) for variant in variants]
    down = [NewLineItem(variant_id=variant.id, quantity=1) for variant in reversed(variants)]

    await asyncio.gather(
        *(adjust_stock(database, OPERATOR, up) for _ in range(10)),
        *(create_order(database, OPERATOR, NewPurchase(order=NewOrder(), line_items=down)) for _ in range(10)),
    )

    assert await _stock(conn) == [(110, 110, False, False)] * 3


async def test_an_absolute_stock_is_written_only_over_the_expected_one(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, count_on_hand=10)
    await create_inventory(conn, variant_id=variant.id, count_on_hand=10)
    key = {"variantId": encode("Variant", variant.id)}
    stale = {"countOnHand": 50, "expectedCountOnHand": 12}
    fresh = {"countOnHand": 50, "expectedCountOnHand": 10}
    advert = {"advertId": encode("Advert", variant.advert_id)}

    refused = [
        await mutate("variantUpdate", "status", {**key, "attributes": {**stale, "label": "Blue"}}),
        await mutate("variantsUpdate", "status", {"variants": [{**key, "attributes": stale}]}),
        await mutate("variantInventoryUpdate", "status", {**key, "inventories": [stale]}),
        await mutate(
            "advertUpsert", "status", {**advert, "attributes": {"variants": [{"id": key["variantId"], **stale}]}}
        ),
    ]
    untouched = await conn.fetchrow("select label, count_on_hand from variants")
    accepted = await mutate("variantUpdate", f"variant {{ {STOCK} }}", {**key, "attributes": fresh})

    paths = ["attributes", "variants.0.attributes", "inventories.0", "attributes.variants.0"]
    answers = [next(iter(answer["data"].values())) for answer in refused]
    assert [(answer["status"], answer["errors"]) for answer in answers] == [
        (409, [{"field": f"{path}.expectedCountOnHand", "messages": ["is not the stock, which is 10"]}])
        for path in paths
    ]
    assert tuple(untouched or ()) == (variant.label, 10)
    nodes = [{"countOnHand": 50, "infiniteQuantity": False}]
    assert accepted["data"]["variantUpdate"]["variant"] == {**nodes[0], "inventories": {"nodes": nodes}}


async def test_many_variants_are_changed_at_once_or_not_at_all(conn: Connection, mutate: Mutate) -> None:
    advert = await create_advert(conn)
    variants = [await create_variant(conn, advert_id=advert.id, label=f"V {n}") for n in range(300)]

    def listed(attributes: dict[str, Any], *more: dict[str, Any]) -> dict[str, Any]:
        changes = [{"variantId": encode("Variant", one.id), "attributes": attributes} for one in variants]
        return {"variants": [*changes, *more]}

    seller = Viewer(advert.seller_id)
    twice = {"variantId": encode("Variant", variants[0].id), "attributes": {"label": " "}}
    wrong = await mutate("variantsUpdate", "status", listed({"priceCents": 5}, twice), seller)
    kept = await conn.fetchval("select count(*) from variants where price_cents = 1000")
    done = await mutate("variantsUpdate", "variants { legacyId editablePriceCents }", listed({"priceCents": 5}), seller)
    other = Viewer((await create_seller(conn)).id)
    foreign = await mutate("variantsUpdate", "status", listed({"priceCents": 6}), other)

    assert wrong["data"]["variantsUpdate"]["errors"] == [
        {"field": "variants.300.variantId", "messages": ["is listed twice"]},
        {"field": "variants.300.attributes.label", "messages": ["must not be blank"]},
    ]
    assert kept == 300
    assert done["data"]["variantsUpdate"]["variants"] == [
        {"legacyId": one.id, "editablePriceCents": 5} for one in variants
    ]
    assert foreign["data"]["variantsUpdate"]["status"] == 404
    assert await conn.fetchval("select count(*) from variants where price_cents = 5") == 300
