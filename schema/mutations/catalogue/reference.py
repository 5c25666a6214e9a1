"""taxonCreateOrUpdate, optionTypeCreateOrUpdate, optionValueCreateOrUpdate, and the same of brands, carriers, countries
and tax codes.
"""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.services.reference import (
    BRAND,
    COUNTRY,
    OPTION_TYPE,
    OPTION_VALUE,
    SHIPMENT_CARRIER,
    TAX_CODE,
    TAXON,
    ReferenceKind,
    save_reference,
)
from schema.engine.context import Info
from schema.entities.declarations import DeclaredAttribute
from schema.enums.marketplace import FieldTypeEnum
from schema.mutations.audit import entities_by_row
from schema.mutations.inputs import Ids, optional
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.brand import Brand
from schema.types.catalogue.option_type import OptionType, OptionValue
from schema.types.catalogue.tax_code import TaxCode
from schema.types.catalogue.taxon import Taxon
from schema.types.orders.address import Country
from schema.types.orders.shipment_carrier import ShipmentCarrier

_EXTERNAL_IDS = "Its ids in other systems. Those that are not listed stay."


@strawberry.input(description="Input of taxonCreateOrUpdate: an absent field stays as it is.")
class TaxonCreateOrUpdateMutationInput:
    taxon_id: strawberry.ID | None = optional("The taxon to change; absent: a new one.", name="id")
    parent_id: strawberry.ID | None = optional("The taxon above it; null makes it a root.")
    display_name: str | None = optional("The name that buyers see. Required for a new taxon; can't be cleared.")
    title: str | None = optional("Title of its page; by default the display name. Can't be cleared.")
    url_slug: str | None = optional("Its part of an address; by default made of the display name. Can't be cleared.")
    external_ids: list[KeyValueInput] | None = optional(_EXTERNAL_IDS)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of optionTypeCreateOrUpdate: an absent field stays as it is.")
class OptionTypeCreateOrUpdateMutationInput:
    option_type_id: strawberry.ID | None = optional("The option type to change; absent: a new one.", name="id")
    name: str | None = optional("Its name, once in the marketplace. Required for a new one; can't be cleared.")
    display_name: str | None = optional("The name that buyers see; by default the name. Can't be cleared.")
    position: int | None = optional("Its place among the option types. Can't be cleared.")
    field_type: FieldTypeEnum | None = optional("The form of its values. Required for a new one; can't be cleared.")
    external_ids: list[KeyValueInput] | None = optional(_EXTERNAL_IDS)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of optionValueCreateOrUpdate: an absent field stays as it is.")
class OptionValueCreateOrUpdateMutationInput:
    option_value_id: strawberry.ID | None = optional("The value to change; absent: a new one.", name="id")
    option_type_id: strawberry.ID | None = optional("Its option type. Required for a new value; can't be changed.")
    name: str | None = optional("Its name, once in its type. Required for a new value; can't be cleared.")
    display_name: str | None = optional("The name that buyers see; by default the name. Can't be cleared.")
    position: int | None = optional("Its place among the type's values. Can't be cleared.")
    external_ids: list[KeyValueInput] | None = optional(_EXTERNAL_IDS)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of brandCreateOrUpdate: an absent field stays as it is.")
class BrandCreateOrUpdateMutationInput:
    brand_id: strawberry.ID | None = optional("The brand to change; absent: a new one.", name="id")
    name: str | None = optional("Its name, once in the marketplace. Required for a new one; can't be cleared.")
    slug: str | None = optional("Its part of an address, unique; by default made of the name. Can't be cleared.")
    external_ids: list[KeyValueInput] | None = optional(_EXTERNAL_IDS)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of shipmentCarrierCreateOrUpdate: an absent field stays as it is.")
class ShipmentCarrierCreateOrUpdateMutationInput:
    shipment_carrier_id: strawberry.ID | None = optional("The carrier to change; absent: a new one.", name="id")
    name: str | None = optional("Its name, once in the marketplace. Required for a new one; can't be cleared.")
    homepage_url: str | None = optional("The carrier's own site.")
    tracking_link_template: str | None = optional(
        "Address of the carrier's tracking page, with a place for the tracking number.", name="trackingUrl"
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of countryCreateOrUpdate: an absent field stays as it is.")
class CountryCreateOrUpdateMutationInput:
    country_id: strawberry.ID | None = optional("The country to change; absent: a new one.", name="id")
    name: str | None = optional("Its name. Required for a new one; can't be cleared.")
    iso: str | None = optional(
        "Its code of two letters, after ISO 3166-1; unique. Required for a new one; can't be cleared.", name="code"
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of taxCodeCreateOrUpdate: an absent field stays as it is.")
class TaxCodeCreateOrUpdateMutationInput:
    tax_code_id: strawberry.ID | None = optional("The tax code to change; absent: a new one.", name="id")
    code: str | None = optional("The code; unique. Required for a new one; can't be cleared.")
    name: str | None = optional("What it stands for. Required for a new one; can't be cleared.")
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


@strawberry.type(description="Answer of brandCreateOrUpdate.")
class BrandCreateOrUpdateMutationPayload(MutationPayload):
    brand: Brand | None = strawberry.field(default=None, description="The brand as it is now; null on errors.")


@strawberry.type(description="Answer of shipmentCarrierCreateOrUpdate.")
class ShipmentCarrierCreateOrUpdateMutationPayload(MutationPayload):
    shipment_carrier: ShipmentCarrier | None = strawberry.field(
        default=None, description="The carrier as it is now; null on errors."
    )


@strawberry.type(description="Answer of countryCreateOrUpdate.")
class CountryCreateOrUpdateMutationPayload(MutationPayload):
    country: Country | None = strawberry.field(default=None, description="The country as it is now; null on errors.")


@strawberry.type(description="Answer of taxCodeCreateOrUpdate.")
class TaxCodeCreateOrUpdateMutationPayload(MutationPayload):
    tax_code: TaxCode | None = strawberry.field(default=None, description="The tax code as it is now; null on errors.")


_OTHERS = ("external_ids", "client_mutation_id")


def _create_or_update(
    kind: ReferenceKind[Any], given: type, payload: type[MutationPayload], description: str
) -> DeclaredAttribute:
    """Declare a mutation that makes a row of a kind of reference data, or changes one.

    Args:
        given: The input. Its fields are the columns that can be set, the key of the row, and those of `_OTHERS`.
        payload: Has the row in a field that is called as the kind.
    """
    keys = kind.table.keys
    names = [name for name in given.__annotations__ if name not in (kind.key, *_OTHERS)]
    if unknown := [name for name in names if not kind.table.has(name)]:
        raise TypeError(f"{given.__name__}: the table {kind.table.name} has no columns {', '.join(unknown)}.")

    async def save(info: Info, input: Any) -> MutationPayload:
        async def save_row(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids, entities = Ids(), entities_by_row()
            key = ids.optional_key(getattr(input, kind.key) or None, entities[kind.table.row].name, kind.key)
            sent = {name: value for name in names if (value := getattr(input, name)) is not strawberry.UNSET}
            for name in keys.keys() & sent:
                sent[name] = ids.optional_key(sent[name], entities[keys[name].to.row].name, name)
            ids.check()
            external_ids = kept_values(getattr(input, "external_ids", None))
            return {kind.name: await save_reference(database, viewer, kind, key, sent, external_ids)}

        return await run_mutation(info, payload, input, save_row)

    argument = Annotated[given, strawberry.argument(description=f"The {kind.name.replace('_', ' ')}.")]  # type: ignore[valid-type]
    save.__annotations__ |= {"input": argument, "return": payload | None}
    return strawberry.field(resolver=save, description=f"{description} For the operator.")


@strawberry.type
class ReferenceMutations:
    taxon_create_or_update = _create_or_update(
        TAXON,
        TaxonCreateOrUpdateMutationInput,
        TaxonCreateOrUpdateMutationPayload,
        "Make a taxon, or change, rename or move one.",
    )
    option_type_create_or_update = _create_or_update(
        OPTION_TYPE,
        OptionTypeCreateOrUpdateMutationInput,
        OptionTypeCreateOrUpdateMutationPayload,
        "Make an option type, such as size, or change one.",
    )
    option_value_create_or_update = _create_or_update(
        OPTION_VALUE,
        OptionValueCreateOrUpdateMutationInput,
        OptionValueCreateOrUpdateMutationPayload,
        "Make a value of an option type, such as M, or change one.",
    )
    brand_create_or_update = _create_or_update(
        BRAND, BrandCreateOrUpdateMutationInput, BrandCreateOrUpdateMutationPayload, "Make a brand, or change one."
    )
    shipment_carrier_create_or_update = _create_or_update(
        SHIPMENT_CARRIER,
        ShipmentCarrierCreateOrUpdateMutationInput,
        ShipmentCarrierCreateOrUpdateMutationPayload,
        "Make a carrier of parcels, or change one.",
    )
    country_create_or_update = _create_or_update(
        COUNTRY,
        CountryCreateOrUpdateMutationInput,
        CountryCreateOrUpdateMutationPayload,
        "Make a country, or change one.",
    )
    tax_code_create_or_update = _create_or_update(
        TAX_CODE,
        TaxCodeCreateOrUpdateMutationInput,
        TaxCodeCreateOrUpdateMutationPayload,
        "Make a tax code, or change one.",
    )
