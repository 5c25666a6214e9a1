"""taxonCreateOrUpdate, optionTypeCreateOrUpdate, optionValueCreateOrUpdate, and the same of brands, carriers, countries
and tax codes.
"""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.services.reference import (
    BrandAttributes,
    CarrierAttributes,
    CountryAttributes,
    OptionTypeAttributes,
    OptionValueAttributes,
    TaxCodeAttributes,
    TaxonAttributes,
    save_brand,
    save_carrier,
    save_country,
    save_option_type,
    save_option_value,
    save_tax_code,
    save_taxon,
)
from schema.engine.context import Info
from schema.enums.marketplace import (
    FieldTypeEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.brand import Brand
from schema.types.catalogue.option_type import OptionType, OptionValue
from schema.types.catalogue.tax_code import TaxCode
from schema.types.catalogue.taxon import Taxon
from schema.types.orders.address import Country
from schema.types.orders.shipment_carrier import ShipmentCarrier


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


@strawberry.input(description="Input of brandCreateOrUpdate: an absent field stays as it is.")
class BrandCreateOrUpdateMutationInput:
    brand_id: strawberry.ID | None = optional("The brand to change; absent: a new one.", name="id")
    name: str | None = optional("Its name, once in the marketplace. Required for a new one; can't be cleared.")
    slug: str | None = optional("Its part of an address, unique; by default made of the name. Can't be cleared.")
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

    @strawberry.field(description="Make a brand, or change one. For the operator.")
    async def brand_create_or_update(
        self,
        info: Info,
        input: Annotated[BrandCreateOrUpdateMutationInput, strawberry.argument(description="The brand.")],
    ) -> BrandCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.brand_id or None, "Brand", "brandId")
            ids.check()
            return {"brand": await save_brand(database, viewer, convert_input(input, BrandAttributes, brand_id=key))}

        return await run_mutation(info, BrandCreateOrUpdateMutationPayload, input, save)

    @strawberry.field(description="Make a carrier of parcels, or change one. For the operator.")
    async def shipment_carrier_create_or_update(
        self,
        info: Info,
        input: Annotated[ShipmentCarrierCreateOrUpdateMutationInput, strawberry.argument(description="The carrier.")],
    ) -> ShipmentCarrierCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.shipment_carrier_id or None, "ShipmentCarrier", "shipmentCarrierId")
            ids.check()
            return {
                "shipment_carrier": await save_carrier(
                    database, viewer, convert_input(input, CarrierAttributes, shipment_carrier_id=key)
                )
            }

        return await run_mutation(info, ShipmentCarrierCreateOrUpdateMutationPayload, input, save)

    @strawberry.field(description="Make a country, or change one. For the operator.")
    async def country_create_or_update(
        self,
        info: Info,
        input: Annotated[CountryCreateOrUpdateMutationInput, strawberry.argument(description="The country.")],
    ) -> CountryCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.country_id or None, "Country", "countryId")
            ids.check()
            return {
                "country": await save_country(database, viewer, convert_input(input, CountryAttributes, country_id=key))
            }

        return await run_mutation(info, CountryCreateOrUpdateMutationPayload, input, save)

    @strawberry.field(description="Make a tax code, or change one. For the operator.")
    async def tax_code_create_or_update(
        self,
        info: Info,
        input: Annotated[TaxCodeCreateOrUpdateMutationInput, strawberry.argument(description="The tax code.")],
    ) -> TaxCodeCreateOrUpdateMutationPayload | None:
        async def save(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            key = ids.optional_key(input.tax_code_id or None, "TaxCode", "taxCodeId")
            ids.check()
            return {
                "tax_code": await save_tax_code(
                    database, viewer, convert_input(input, TaxCodeAttributes, tax_code_id=key)
                )
            }

        return await run_mutation(info, TaxCodeCreateOrUpdateMutationPayload, input, save)
