"""taxonCreateOrUpdate, optionTypeCreateOrUpdate, optionValueCreateOrUpdate."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.services.reference import (
    OptionTypeAttributes,
    OptionValueAttributes,
    TaxonAttributes,
    save_option_type,
    save_option_value,
    save_taxon,
)
from schema.engine.context import Info
from schema.enums.marketplace import (
    FieldTypeEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.option_type import OptionType, OptionValue
from schema.types.catalogue.taxon import Taxon


@strawberry.input(description="Input of taxonCreateOrUpdate: an absent field stays as it is.")
class TaxonCreateOrUpdateMutationInput:
    taxon_id: strawberry.ID | None = optional("The taxon to change; absent: a new one.", name="id")
    parent_id: strawberry.ID | None = optional("The taxon above it; null makes it a root.")
    display_name: str | None = optional("The name that buyers see. Required for a new taxon; can't be cleared.")
    title: str | None = optional("Title of its page; by default the display name. Can't be cleared.")
    url_slug: str | None = optional("Its part of an address; by default made of the display name. Can't be cleared.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of optionTypeCreateOrUpdate: an absent field stays as it is.")
class OptionTypeCreateOrUpdateMutationInput:
    option_type_id: strawberry.ID | None = optional("The option type to change; absent: a new one.", name="id")
    name: str | None = optional("Its name, once in the marketplace. Required for a new one; can't be cleared.")
    display_name: str | None = optional("The name that buyers see; by default the name. Can't be cleared.")
    position: int | None = optional("Its place among the option types. Can't be cleared.")
    field_type: FieldTypeEnum | None = optional("The form of its values. Required for a new one; can't be cleared.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of optionValueCreateOrUpdate: an absent field stays as it is.")
class OptionValueCreateOrUpdateMutationInput:
    option_value_id: strawberry.ID | None = optional("The value to change; absent: a new one.", name="id")
    option_type_id: strawberry.ID | None = optional("Its option type. Required for a new value; can't be changed.")
    name: str | None = optional("Its name, once in its type. Required for a new value; can't be cleared.")
    display_name: str | None = optional("The name that buyers see; by default the name. Can't be cleared.")
    position: int | None = optional("Its place among the type's values. Can't be cleared.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of taxonCreateOrUpdate.")
class TaxonCreateOrUpdateMutationPayload(MutationPayload):
    taxon: Taxon | None = strawberry.field(default=None, description="The taxon as it is now; null on errors.")


@strawberry.type(description="Answer of optionTypeCreateOrUpdate.")
class OptionTypeCreateOrUpdateMutationPayload(MutationPayload):
    option_type: OptionType | None = strawberry.field(
        default=None, description="The option type as it is now; null on errors."
    )


@strawberry.type(description="Answer of optionValueCreateOrUpdate.")
class OptionValueCreateOrUpdateMutationPayload(MutationPayload):
    option_value: OptionValue | None = strawberry.field(
        default=None, description="The value as it is now; null on errors."
    )


@strawberry.type
class ReferenceMutations:
    @strawberry.field(description="Make a taxon, or change, rename or move one. For the operator.")
    async def taxon_create_or_update(
        self,
        info: Info,
        input: Annotated[TaxonCreateOrUpdateMutationInput, strawberry.argument(description="The taxon.")],
    ) -> TaxonCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.taxon_id or None, "Taxon", "taxonId")
            parent = ids.attribute(input.parent_id, "Taxon", "parentId")
            ids.check()
            return {
                "taxon": await save_taxon(
                    database, viewer, convert_input(input, TaxonAttributes, taxon_id=key, parent_id=parent)
                )
            }

        return await run_mutation(info, TaxonCreateOrUpdateMutationPayload, input, save)

    @strawberry.field(description="Make an option type, such as size, or change one. For the operator.")
    async def option_type_create_or_update(
        self,
        info: Info,
        input: Annotated[OptionTypeCreateOrUpdateMutationInput, strawberry.argument(description="The type.")],
    ) -> OptionTypeCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.option_type_id or None, "OptionType", "optionTypeId")
            ids.check()
            attributes = convert_input(input, OptionTypeAttributes, option_type_id=key)
            return {"option_type": await save_option_type(database, viewer, attributes)}

        return await run_mutation(info, OptionTypeCreateOrUpdateMutationPayload, input, save)

    @strawberry.field(description="Make a value of an option type, such as M, or change one. For the operator.")
    async def option_value_create_or_update(
        self,
        info: Info,
        input: Annotated[OptionValueCreateOrUpdateMutationInput, strawberry.argument(description="The value.")],
    ) -> OptionValueCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.option_value_id or None, "OptionValue", "optionValueId")
            type_key = ids.attribute(input.option_type_id, "OptionType", "optionTypeId")
            ids.check()
            attributes = convert_input(input, OptionValueAttributes, option_value_id=key, option_type_id=type_key)
            return {"option_value": await save_option_value(database, viewer, attributes)}

        return await run_mutation(info, OptionValueCreateOrUpdateMutationPayload, input, save)
