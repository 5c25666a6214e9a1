from typing import Any

from app.db.pool import Connection
from app.marketplace.catalogue.db.adverts import ADVERTS, Advert
from tests.builders.rows import insert_row
from tests.builders.sellers import create_seller


async def create_advert(conn: Connection, **overrides: Any) -> Advert:
    """A published advert, without variants."""
    if "seller_id" not in overrides:
        overrides["seller_id"] = (await create_seller(conn)).id
    return await insert_row(conn, ADVERTS, {"title": "Kettle"}, overrides)
