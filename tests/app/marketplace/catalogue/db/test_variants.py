"""Statements about variants: which indexes they go by."""

import json

import asyncpg

from app.marketplace.catalogue.db.variants import VariantId, lock_offered_variants
from tests.builders.bulk_rows import insert_copies
from tests.builders.whole_sales import create_whole_sale
from tests.support.plan_cost import metered
from tests.support.plan_histories import PLAIN


async def test_an_order_reads_its_inventories_alone_before_any_analyze(
    conn: asyncpg.Connection, database_url: str
) -> None:
    """Without statistics, the index by seller looks as good as the one by variant."""
    await create_whole_sale(conn)
    ids = await insert_copies(conn, "variants", 400)
    await insert_copies(conn, "inventories", 400, {"variant_id": "variants"})

    async with metered(database_url, **PLAIN) as meter, meter.counting():
        found = await lock_offered_variants(meter.conn, [VariantId(ids[100])])

    assert [variant.inventory_id is not None for variant in found.values()] == [True]
    plans = json.dumps(meter.plans)
    assert "inventories_variant" in plans
    assert "inventories_seller" not in plans
