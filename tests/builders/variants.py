from typing import Any

from app.db.pool import Connection
from app.marketplace.catalogue.db.variants import VARIANTS, Variant
from tests.builders.adverts import create_advert
from tests.builders.rows import insert_row


async def create_variant(conn: Connection, **overrides: Any) -> Variant:
    """A published variant at 10.00 AUD, ten in stock; its seller is that of its advert."""
    if "advert_id" not in overrides:
        of_seller = {"seller_id": overrides["seller_id"]} if "seller_id" in overrides else {}
        overrides["advert_id"] = (await create_advert(conn, **of_seller)).id
    if "seller_id" not in overrides:
        overrides["seller_id"] = await conn.fetchval(
            "select seller_id from adverts where id = $1", overrides["advert_id"]
        )
    defaults = {"label": "Red", "sku": "K-RED", "count_on_hand": 10, "price_cents": 1000, "currency": "AUD"}
    return await insert_row(conn, VARIANTS, defaults, overrides)
