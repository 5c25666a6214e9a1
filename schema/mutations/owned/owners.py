"""externalIdUpsert, metadataUpsert."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.owned.services.owned import KeptValue, OwnedValue, upsert_external_id, upsert_metadatum
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import converted, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.owned.external_id import ExternalID
from schema.types.owned.metadatum import Metadatum

_OWNER = (
    "What it is kept with: an Order, Invoice, LineItem, Shipment, RefundRequest, RefundRequestLineItem,"
    " ReturnShipment, Advert, Variant or Seller."
)


@strawberry.input(description="A value that is kept with what the mutation is about.")
class KeyValueInput:
    key: str = required("What the value is about; once per owner, so one that is there already gets the value.")
    value: str = required("The value. Of an external id: not blank.")


@strawberry.input(description="Input of externalIdUpsert.")
class ExternalIdUpsertMutationInput:
    owner: strawberry.ID = required(_OWNER)
    key: str = required("Whose id it is, such as the name of a system; once per owner.")
    value: str = required("The id there; not blank.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of metadataUpsert.")
class MetadataUpsertMutationInput:
    owner: strawberry.ID = required(_OWNER)
    key: str = required("What the value is about; once per owner.")
    value: str = required("The value.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of externalIdUpsert.")
class ExternalIdUpsertMutationPayload(MutationPayload):
    external_id: ExternalID | None = strawberry.field(
        default=None, description="The external id as it is now; null on errors."
    )


@strawberry.type(description="Answer of metadataUpsert.")
class MetadataUpsertMutationPayload(MutationPayload):
    metadatum: Metadatum | None = strawberry.field(default=None, description="What is kept now; null on errors.")


@strawberry.type
class OwnedMutations:
    @strawberry.field(
        description="Set what another system calls an entity. For the operator, and for a seller of what is its own."
    )
    async def external_id_upsert(
        self,
        info: Info,
        input: Annotated[ExternalIdUpsertMutationInput, strawberry.argument(description="The external id.")],
    ) -> ExternalIdUpsertMutationPayload | None:
        async def upsert(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"external_id": await upsert_external_id(database, viewer, _kept(input))}

        return await run_mutation(info, ExternalIdUpsertMutationPayload, input, upsert)

    @strawberry.field(
        description="Keep a value with an entity, which Tellgraph gives no meaning. For the operator, and for a"
        " seller of what is its own."
    )
    async def metadata_upsert(
        self,
        info: Info,
        input: Annotated[MetadataUpsertMutationInput, strawberry.argument(description="The value.")],
    ) -> MetadataUpsertMutationPayload | None:
        async def upsert(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"metadatum": await upsert_metadatum(database, viewer, _kept(input))}

        return await run_mutation(info, MetadataUpsertMutationPayload, input, upsert)


def kept_values(given: Sequence[KeyValueInput] | None) -> list[KeptValue]:
    """What a service takes for external ids and metadata; absent and null are none to set."""
    return [converted(each, KeptValue) for each in given or ()]


def _kept(given: ExternalIdUpsertMutationInput | MetadataUpsertMutationInput) -> OwnedValue:
    owner_type, owner_id = global_ids.decode(given.owner, field="owner")
    return OwnedValue(owner_type=owner_type, owner_id=owner_id, key=given.key, value=given.value)
