"""optionValueDelete."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.db.option_types import OptionValueId
from app.marketplace.catalogue.services.option_values import delete_value
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.option_type import OptionValue


@strawberry.input(description="Input of optionValueDelete.")
class OptionValueDeleteMutationInput:
    option_value_id: strawberry.ID = required("The value to delete.", name="id")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of optionValueDelete.")
class OptionValueDeleteMutationPayload(MutationPayload):
    option_value: OptionValue | None = strawberry.field(
        default=None, description="The value as it was; null on errors."
    )


@strawberry.type
class OptionValueMutations:
    @strawberry.field(
        description="Delete a value of an option that no variant and no advert has chosen. For the operator."
    )
    async def option_value_delete(
        self,
        info: Info,
        input: Annotated[OptionValueDeleteMutationInput, strawberry.argument(description="The value.")],
    ) -> OptionValueDeleteMutationPayload | None:
        async def delete(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = global_ids.key_of(input.option_value_id, "OptionValue", field="option_value_id")
            return {"option_value": await delete_value(database, viewer, OptionValueId(key))}

        return await run_mutation(info, OptionValueDeleteMutationPayload, input, delete)
