"""Metadatum: something that others keep with an entity."""

from datetime import datetime

from app.marketplace.owned.db.metadata import METADATA
from schema.entities.fields import column, entity


@entity(METADATA, description="Something that others keep with an entity.")
class Metadatum:
    key: str = column("What it is; once per entity.")
    value: str = column("Whatever was kept; Tellgraph gives it no meaning.")
    created_at: datetime = column("When it was added.")
    updated_at: datetime = column("When it was last changed.")
