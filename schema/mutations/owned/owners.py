"""externalIdUpsert, metadataUpsert."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.capture.owners import owner_tables
from app.db.table import Table
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.owned.services.owned import KeptValue, OwnedValue, upsert_external_id, upsert_metadatum
from schema.engine.context import Info
from schema.entities import global_ids
from schema.entities.declarations import DeclaredAttribute
from schema.mutations.inputs import convert_input, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.owned.external_id import ExternalID
from schema.types.owned.metadatum import Metadatum


def _owner(owned: Table[object]) -> DeclaredAttribute:
    *first, last = sorted(owner_tables(owned))
    return required(f"The object that has the value: an {', '.join(first)} or {last}.")


@strawberry.input(description="A value that is stored with the object of the mutation.")
class KeyValueInput:
    key: str = required("The name of the value, unique per owner. If the owner has it already, its value is replaced.")
    value: str = required("The value. Of an external id: not blank.")


@strawberry.input(description="Input of externalIdUpsert.")
class ExternalIDUpsertMutationInput:
    owner: strawberry.ID = _owner(EXTERNAL_IDS)
    key: str = required("The other system's name, unique per owner.")
    value: str = required("The id in that system; not blank.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of metadataUpsert.")
class MetadataUpsertMutationInput:
    owner: strawberry.ID = _owner(METADATA)
    key: str = required("The name of the value, unique per owner.")
    value: str = required("The value.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of externalIdUpsert.")
class ExternalIDUpsertMutationPayload(MutationPayload):
    external_id: ExternalID | None = strawberry.field(
        default=None, description="The external id as it is now; null on errors."
    )


@strawberry.type(description="Answer of metadataUpsert.")
class MetadataUpsertMutationPayload(MutationPayload):
    metadata: Metadatum | None = strawberry.field(
        default=None, description="The metadatum as it is now; null on errors."
    )


@strawberry.type
class OwnedMutations:
    @strawberry.field(
        description=(
            "Set the id of an entity in another system. For the operator, and for sellers on their own entities."
        )
    )
    async def external_id_upsert(
        self,
        info: Info,
        input: Annotated[ExternalIDUpsertMutationInput, strawberry.argument(description="The external id.")],
    ) -> ExternalIDUpsertMutationPayload | None:
        async def upsert(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"external_id": await upsert_external_id(database, viewer, _kept(input))}

        return await run_mutation(info, ExternalIDUpsertMutationPayload, input, upsert)

    @strawberry.field(
        description=(
            "Store a value with an entity. Tellgraph gives it no meaning. For the operator, and for sellers"
            " on their own entities."
        )
    )
    async def metadata_upsert(
        self,
        info: Info,
        input: Annotated[MetadataUpsertMutationInput, strawberry.argument(description="The value.")],
    ) -> MetadataUpsertMutationPayload | None:
        async def upsert(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"metadata": await upsert_metadatum(database, viewer, _kept(input))}

        return await run_mutation(info, MetadataUpsertMutationPayload, input, upsert)


def kept_values(given: Sequence[KeyValueInput] | None) -> list[KeptValue]:
    """Convert external ids or metadata; an empty list if they are absent or null."""
    return [convert_input(each, KeptValue) for each in given or ()]


def _kept(given: ExternalIDUpsertMutationInput | MetadataUpsertMutationInput) -> OwnedValue:
    owner_type, owner_id = global_ids.decode_entity(given.owner, field="owner")
    return OwnedValue(owner_type=owner_type, owner_id=owner_id, key=given.key, value=given.value)
