"""The fields of an entity's external ids, metadata and images, which name their owner by type and id.

The types are named as texts, so that every type's module can import this one.
"""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import strawberry

from app.db.graph import owners_of
from app.db.table import Table
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.owned.domain.image import ImageKind
from schema.engine.context import Info
from schema.entities.declarations import ENTITIES, ArgumentValues, DeclaredAttribute, Owner
from schema.entities.fields import DeclaredField
from schema.entities.relations import owned_rows

if TYPE_CHECKING:
    from schema.types.owned.external_id import ExternalID
    from schema.types.owned.image import Image
    from schema.types.owned.metadatum import Metadatum

ExternalIDs: TypeAlias = list[Annotated["ExternalID", strawberry.lazy("schema.types.owned.external_id")]]
Metadata: TypeAlias = list[Annotated["Metadatum", strawberry.lazy("schema.types.owned.metadatum")]]
AnImage: TypeAlias = Annotated["Image", strawberry.lazy("schema.types.owned.image")]


def external_ids(owner: Table[object]) -> DeclaredAttribute:
    return owned_rows(
        EXTERNAL_IDS, owner, description="What other systems call it, in the order in which they were added."
    )


def metadata(owner: Table[object]) -> DeclaredAttribute:
    return owned_rows(
        METADATA,
        owner,
        description="What others keep with it, as keys and values, in the order in which they were added.",
    )


def images(owner: Table[object], description: str) -> DeclaredAttribute:
    """Declare all images except the logo, as a connection."""
    return owned_rows(IMAGES, owner, kind=ImageKind.GALLERY, is_paged=True, description=description)


def image_list(owner: Table[object], description: str) -> DeclaredAttribute:
    """Declare all images except the logo, as a plain list."""
    return owned_rows(IMAGES, owner, kind=ImageKind.GALLERY, description=description)


def logo(owner: Table[object], description: str) -> DeclaredAttribute:
    return owned_rows(IMAGES, owner, kind=ImageKind.LOGO, is_list=False, description=description)


class _OwnerField(DeclaredField):
    """A field that resolves from its `Owner`."""

    def resolve(self, source: object, info: Info, arguments: ArgumentValues) -> object:
        declared = self.declaration
        assert isinstance(declared, Owner)
        table = ENTITIES[getattr(source, declared.type_column)].table
        return info.context.loaders.by_id(table, getattr(source, declared.local), with_deleted=True)


def owner(owned: Table[object], description: str) -> DeclaredAttribute:
    """Declare the owner of a row, which is of one of the types that may own rows of the table."""
    declared = Owner(types=tuple(dict.fromkeys(owner.type_name for owner, _ in owners_of(owned))))
    return _OwnerField(
        python_name=None,
        graphql_name=None,
        type_annotation=None,
        description=description,
        metadata={"declaration": declared},
    )
