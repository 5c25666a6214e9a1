"""The fields of what an entity owns by type and id: external ids, metadata, images; and who sees such rows.

Knows no type but by name, so that every type's module can have these fields.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.owned.domain.image import ImageKind
from schema.entities.declarations import ENTITIES, Entity, Owner
from schema.entities.fields import DeclaredField, pages, relation
from schema.entities.visibility import ThroughOwner

if TYPE_CHECKING:
    from schema.types.owned.external_id import ExternalID
    from schema.types.owned.image import Image
    from schema.types.owned.metadatum import Metadatum

ExternalIDs: TypeAlias = list[Annotated["ExternalID", strawberry.lazy("schema.types.owned.external_id")]]
Metadata: TypeAlias = list[Annotated["Metadatum", strawberry.lazy("schema.types.owned.metadatum")]]
AnImage: TypeAlias = Annotated["Image", strawberry.lazy("schema.types.owned.image")]


def external_ids(owner_type: str) -> Any:
    return relation(
        EXTERNAL_IDS,
        remote="owner_id",
        where=_owned(owner_type),
        filters=("owner_type",),
        description="What other systems call it, in the order in which they were added.",
    )


def metadata(owner_type: str) -> Any:
    return relation(
        METADATA,
        remote="owner_id",
        where=_owned(owner_type),
        filters=("owner_type",),
        description="What others keep with it, as keys and values, in the order in which they were added.",
    )


def images(owner_type: str, description: str) -> Any:
    """All images but the logo, as a connection."""
    return pages(
        IMAGES,
        remote="owner_id",
        where=_owned(owner_type, ImageKind.GALLERY),
        filters=("owner_type", "kind"),
        description=description,
    )


def image_list(owner_type: str, description: str) -> Any:
    """All images but the logo, as a plain list."""
    return relation(
        IMAGES,
        remote="owner_id",
        where=_owned(owner_type, ImageKind.GALLERY),
        filters=("owner_type", "kind"),
        description=description,
    )


def logo(owner_type: str, description: str) -> Any:
    return relation(
        IMAGES,
        remote="owner_id",
        is_list=False,
        where=_owned(owner_type, ImageKind.LOGO),
        filters=("owner_type", "kind"),
        description=description,
    )


class _OwnerField(DeclaredField):
    """Resolves from what `Owner` says."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: dict[str, Any]) -> Awaitable[Any]:
        declared = self.declaration
        assert isinstance(declared, Owner)
        table = ENTITIES[getattr(source, declared.type_column)].table
        found: Awaitable[Any] = info.context.loaders.by_id(table, getattr(source, declared.local), with_deleted=True)
        return found


def owner(types: Iterable[type], description: str) -> Any:
    """The owner of such a row, which is of one of these GraphQL types."""
    declared = Owner(types=tuple(_entity_of(one).name for one in types))
    return _OwnerField(
        python_name=None,
        graphql_name=None,
        type_annotation=None,
        description=description,
        metadata={"declaration": declared},
    )


def seen_with(owners: Iterable[type]) -> ThroughOwner:
    """Seen by whoever sees the owner, which is of one of these GraphQL types."""
    declared = [_entity_of(owner) for owner in owners]
    return ThroughOwner(tuple((entity.name, entity.table.name, entity.visibility) for entity in declared))


def _entity_of(type_: type) -> Entity:
    return ENTITIES[type_.__strawberry_definition__.name]  # type: ignore[attr-defined]


def _owned(owner_type: str, kind: ImageKind | None = None) -> Callable[[], str]:
    condition = f"t.owner_type = '{owner_type}'" + (f" and t.kind = '{kind}'" if kind else "")
    return lambda: condition
