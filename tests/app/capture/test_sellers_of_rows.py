"""The seller that a row belongs to is found through as many keys as lie between, as the triggers ask for it."""

import pytest

from app.capture.captured import seller_of
from app.db.graph import path_to_seller, tables
from app.db.pool import Connection
from tests.builders.whole_sales import create_whole_sale

#: Table → how many keys lie between its rows and the one that names the seller.
DEPTHS = {
    "invoices": 0,
    "line_items": 1,
    "shipments": 1,
    "shipped_items": 2,
    "refund_request_line_items": 2,
    "return_shipped_items": 3,
    "advert_option_values": 1,
    "sellers": 0,
}


@pytest.mark.parametrize("table", DEPTHS)
async def test_finds_the_seller_through_the_keys_between(conn: Connection, table: str) -> None:
    whole = await create_whole_sale(conn)

    sellers = await conn.fetch(f"select {seller_of(tables()[table])} as seller_id from {table} r")

    assert {row["seller_id"] for row in sellers} == {whole.sale.seller.id}
    assert len(path_to_seller(tables()[table])[0]) == DEPTHS[table]


async def test_what_is_the_operators_or_everyones_has_no_seller(conn: Connection) -> None:
    await create_whole_sale(conn)

    assert await conn.fetchval(f"select {seller_of(tables()['orders'])} from orders r") is None
    assert await conn.fetchval(f"select {seller_of(tables()['payment_events'])} from payment_events r") is None
    assert await conn.fetchval(f"select {seller_of(tables()['taxons'])} from taxons r") is None


def test_what_is_seen_by_several_ways_belongs_to_nobody() -> None:
    for name in ("adjustments", "images", "addresses"):
        with pytest.raises(TypeError, match=f"The table {name} does not say by one key whose a row is."):
            path_to_seller(tables()[name])
