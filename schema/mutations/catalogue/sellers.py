"""sellerCreate, sellerUpdate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.kernel.attributes import ABSENT
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.domain.seller import SellerAccountType
from app.marketplace.catalogue.services.sellers import (
    SellerAttributes,
    SellerUpdate,
    create_seller,
    update_seller,
)
from schema.engine.context import Info
from schema.enums.marketplace import SellerAccountTypeEnum
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.orders.addresses import AddressInput, new_address
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.seller import Seller


@strawberry.input
class _SellerInput:
    legal_business_name: str | None = optional("Registered name of the business.")
    business_number: str | None = optional("Registration number of the business, such as an ABN.")
    phone: str | None = optional("The seller's phone number.")
    mobile: str | None = optional("The seller's mobile number.")
    email_cc: str | None = optional("Addresses that get a copy of what is written to the seller, separated by commas.")
    store_description: str | None = optional("What the shop is about, as plain text.")
    opening_hours: str | None = optional("When the shop is open, in words.")
    delivery_details: str | None = optional("How the seller delivers, in words.")
    return_policy: str | None = optional("How the seller takes items back, in words.")
    service_policy: str | None = optional("What service the seller promises, in words.")
    click_and_collect_policy: str | None = optional("How items are collected, in words.")
    youtube_video_url: str | None = optional("A film about the shop.")
    contact_first_name: str | None = optional("First name of the person to talk to.")
    contact_surname: str | None = optional("Surname of the person to talk to.")
    metadata: list[KeyValueInput] | None = optional(
        "Values that other systems store with the seller. Those that are not listed stay."
    )
    online: bool | None = optional("Whether the seller's adverts are shown; true by default. Can't be cleared.")
    is_retailer: bool | None = optional(
        "Whether the seller is a retailer, by default, or a private person. Can't be cleared."
    )
    can_pay_out_refunds: bool | None = optional(
        "Whether the seller may carry out refundRequestRefund itself; false by default. Can't be cleared."
    )
    address: AddressInput | None = optional("The seller's address.")
    commission_package_id: strawberry.ID | None = optional(
        "The package of commissions; null: the default one. For the operator."
    )


@strawberry.input(description="The person to talk to. There are no user accounts: nobody can log in with it.")
class UserCreateInput:
    email_address: str = required("The person's email address; the seller's, unless it has its own.")
    first_name: str = required("First name of the person.")
    surname: str = required("Surname of the person.")


@strawberry.input(description="The attributes of a new seller.")
class SellerInput(_SellerInput):
    business_name: str = required("Name under which the business trades; not blank.")
    email_address: str | None = optional("The seller's email address; required unless `user` has one.")
    business_number: str | None = optional(
        "Registration number of the business, such as an ABN.", name="businessRegistrationCode"
    )
    account_type: SellerAccountTypeEnum | None = optional(
        "RETAILER, by default, or PROSPECTIVE: its adverts are not shown until `online` is set."
    )
    user: UserCreateInput | None = optional("The person to talk to.")


@strawberry.input(description="The changes. An absent field stays as it is, null clears it.")
class SellerUpdateInput(_SellerInput):
    business_name: str | None = optional("Name under which the business trades. Can't be cleared.")
    email_address: str | None = optional("The seller's email address. Can't be cleared.")


@strawberry.input(description="Input of sellerCreate.")
class SellerCreateMutationInput:
    attributes: SellerInput = required("The attributes of the seller.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of sellerUpdate.")
class SellerUpdateMutationInput:
    seller_id: strawberry.ID | None = optional("The seller to change; by default the one that asks.")
    attributes: SellerUpdateInput = required("The changes.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of sellerCreate.")
class SellerCreateMutationPayload(MutationPayload):
    seller: Seller | None = strawberry.field(default=None, description="The new seller; null on errors.")


@strawberry.type(description="Answer of sellerUpdate.")
class SellerUpdateMutationPayload(MutationPayload):
    seller: Seller | None = strawberry.field(default=None, description="The seller as it is now; null on errors.")


@strawberry.type
class SellerMutations:
    @strawberry.field(description="Add a seller to the marketplace. For the operator.")
    async def seller_create(
        self,
        info: Info,
        input: Annotated[SellerCreateMutationInput, strawberry.argument(description="The seller.")],
    ) -> SellerCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            attributes = _new(input.attributes)
            return {"seller": await create_seller(database, viewer, attributes)}

        return await run_mutation(info, SellerCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change a seller. For the operator; a seller changes where it is reached itself, by e-mail, phone"
        " and address."
    )
    async def seller_update(
        self,
        info: Info,
        input: Annotated[SellerUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> SellerUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"seller": await update_seller(database, viewer, _update(input))}

        return await run_mutation(info, SellerUpdateMutationPayload, input, update)


def _update(given: SellerUpdateMutationInput) -> SellerUpdate:
    ids = Ids()
    key = ids.optional_key(given.seller_id or None, "Seller", "sellerId")
    ids.check()
    return SellerUpdate(seller_id=None if key is None else SellerId(key), attributes=_attributes(given.attributes))


def _new(given: SellerInput) -> SellerAttributes:
    made = _attributes(given)
    defaults: dict[str, Any] = {}
    if user := given.user or None:
        defaults = {
            "email_address": user.email_address,
            "contact_first_name": user.first_name,
            "contact_surname": user.surname,
        }
    if given.account_type is SellerAccountType.PROSPECTIVE:
        defaults["online"] = False
    return replace(made, **{name: value for name, value in defaults.items() if getattr(made, name) in (ABSENT, None)})


def _attributes(given: SellerInput | SellerUpdateInput) -> SellerAttributes:
    ids = Ids()
    package_id = ids.attribute(given.commission_package_id, "CommissionPackage", "attributes.commissionPackageId")
    ids.check()
    return convert_input(
        given,
        SellerAttributes,
        commission_package_id=package_id,
        address=new_address(given.address, ABSENT),
        metadata=kept_values(given.metadata),
    )
