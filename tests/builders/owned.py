"""Builders of rows that name their owner by type and id: `create_image(conn, "Advert", advert.id)`."""

from typing import Any

from app.db.pool import Connection
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS, ExternalID
from app.marketplace.owned.db.images import IMAGES, Image
from app.marketplace.owned.db.metadata import METADATA, Metadatum
from tests.builders.rows import insert_row


async def create_external_id(conn: Connection, owner_type: str, owner_id: int, **overrides: Any) -> ExternalID:
    defaults = {"owner_type": owner_type, "owner_id": owner_id, "key": "erp", "value": "E-1"}
    return await insert_row(conn, EXTERNAL_IDS, defaults, overrides)


async def create_metadatum(conn: Connection, owner_type: str, owner_id: int, **overrides: Any) -> Metadatum:
    defaults = {"owner_type": owner_type, "owner_id": owner_id, "key": "colour", "value": "teal"}
    return await insert_row(conn, METADATA, defaults, overrides)


async def create_image(conn: Connection, owner_type: str, owner_id: int, **overrides: Any) -> Image:
    """A picture; `kind="LOGO"` makes a logo."""
    defaults = {"owner_type": owner_type, "owner_id": owner_id, "url": "https://images.example/kettle.jpg"}
    return await insert_row(conn, IMAGES, defaults, overrides)
