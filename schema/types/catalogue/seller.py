"""Seller: a business that sells on the marketplace."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.domain.advert import description_html
from schema.entities.fields import column, computed, entity, global_id, legacy_id
from schema.entities.relations import relation
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, image_list, logo, metadata

if TYPE_CHECKING:
    from schema.types.catalogue.commission_package import CommissionPackage
    from schema.types.orders.address import Address


@entity(SELLERS, description="A business that sells on the marketplace.")
class Seller(Node):
    id: strawberry.ID = global_id("Seller")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the seller was created.")
    updated_at: datetime = column("When the seller itself was last changed.")
    business_name: str = column("Name under which the business trades.")
    legal_business_name: str | None = column("Registered name of the business.")
    business_number: str | None = column("Registration number of the business, such as an ABN.")
    email_address: str = column("Where the seller is written to.")
    phone: str | None = column("Where the seller is called.")
    mobile: str | None = column("Where the seller is called on the way.")
    email_cc: str | None = column("Who gets a copy of what is written to the seller, separated by commas.")
    contact_first_name: str | None = column("First name of the person to talk to.")
    contact_surname: str | None = column("Surname of the person to talk to.")
    store_description: str | None = column("What the shop is about, as plain text.")
    store_description_html: str = computed(
        lambda row: description_html(row.store_description) or "",
        reads=("store_description",),
        description="`storeDescription` as HTML: escaped, with its paragraphs and line breaks.",
    )
    opening_hours: str | None = column("When the shop is open, in words.")
    delivery_details: str | None = column("How the seller delivers, in words.")
    return_policy: str | None = column("How the seller takes items back, in words.")
    service_policy: str | None = column("What service the seller promises, in words.")
    click_and_collect_policy: str | None = column("How items are collected, in words.")
    youtube_video_url: str | None = column("A film about the shop; null without one.")
    account_type: str = computed(
        lambda row: "RETAILER" if row.is_online else "PROSPECTIVE",
        reads=("is_online",),
        description="RETAILER while the seller sells, else PROSPECTIVE.",
    )
    online: bool = column("Whether the seller's adverts are shown.", "is_online")
    is_retailer: bool = column("Whether the seller is a retailer, in contrast to a private person.")
    can_pay_out_refunds: bool = column("Whether the seller's keys may pay out refunds; the operator's always may.")
    address: Annotated["Address", strawberry.lazy("schema.types.orders.address")] | None = relation(
        SELLERS.address_id, description="Where the business is; null when it is not known."
    )
    # Nullable, so that the error for a seller's key does not remove the seller from the answer.
    commission_package: (
        Annotated["CommissionPackage", strawberry.lazy("schema.types.catalogue.commission_package")] | None
    ) = relation(
        SELLERS.commission_package_id,
        description="The package that it was given; null if the default one applies. For the operator only.",
    )
    logo: AnImage | None = logo(SELLERS, "The seller's logo; null without one.")
    store_images: list[AnImage] = image_list(SELLERS, "Pictures of the seller's shop.")
    external_ids: ExternalIDs = external_ids(SELLERS)
    metadata: Metadata = metadata(SELLERS)
