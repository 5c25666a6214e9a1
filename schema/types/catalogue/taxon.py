"""Taxon: a category of products, in a tree of such."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.marketplace.catalogue.db.taxons import TAXONS
from schema.entities.connections import Connection
from schema.entities.fields import column, entity, global_id, legacy_id
from schema.entities.relations import pages, relation
from schema.types.node import Node
from schema.types.owned.fields import ExternalIDs, external_ids


@entity(TAXONS, description="A category of products, in a tree of such.")
class Taxon(Node):
    id: strawberry.ID = global_id("Taxon")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the category was created.")
    updated_at: datetime = column("When the category was last changed.")
    display_name: str = column("Name to show.")
    title: str = column("Title of the category's page.")
    tree_name: str = column("The names from the root down to this one, as in `Home > Kitchen > Kettles`.")
    url_slug: str = column("The name as a part of an address.")
    parent: Annotated["Taxon", strawberry.lazy("schema.types.catalogue.taxon")] | None = relation(
        TAXONS.parent_id, description="The category that it is a part of; null for a root."
    )
    children: Connection[Annotated["Taxon", strawberry.lazy("schema.types.catalogue.taxon")]] = pages(
        TAXONS.parent_id, description="The categories that are a part of it."
    )
    external_ids: ExternalIDs = external_ids(TAXONS)
