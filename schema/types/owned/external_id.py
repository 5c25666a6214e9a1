"""ExternalID: what another system calls an entity."""

import strawberry

from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from schema.entities.fields import column, entity, global_id
from schema.types.node import Node
from schema.types.owned.fields import owner


@entity(EXTERNAL_IDS, description="What another system calls an entity.")
class ExternalID(Node):
    id: strawberry.ID = global_id("ExternalID")
    key: str = column("Which system, or which of its numbers; once per entity.")
    value: str = column("What the entity is called there.")
    owner: Node = owner(EXTERNAL_IDS, "The entity that is called so.")
