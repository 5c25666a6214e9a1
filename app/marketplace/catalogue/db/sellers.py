"""Sellers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Ownership, Table, listed_by
from app.db.write import lock_row
from app.errors import NotFound
from app.marketplace.catalogue.db.commission_packages import COMMISSION_PACKAGES, CommissionPackageId
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.owned.domain.image import ImageKind

SellerId = NewType("SellerId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    id: SellerId
    business_name: str
    legal_business_name: str | None
    business_number: str | None
    email_address: str
    phone: str | None
    mobile: str | None
    email_cc: str | None
    store_description: str | None
    opening_hours: str | None
    delivery_details: str | None
    return_policy: str | None
    service_policy: str | None
    click_and_collect_policy: str | None
    contact_first_name: str | None
    contact_surname: str | None
    youtube_video_url: str | None
    is_online: bool
    is_retailer: bool
    can_pay_out_refunds: bool
    is_shown_online: bool
    address_id: int | None
    commission_package_id: CommissionPackageId | None
    created_at: datetime
    updated_at: datetime


SELLERS = Table(
    "sellers",
    Seller,
    type_name="Seller",
    seen_by=OfSeller("id"),
    keys={"address_id": ADDRESSES, "commission_package_id": listed_by(COMMISSION_PACKAGES)},
    owns=(Ownership(IMAGES, ImageKind.GALLERY), Ownership(IMAGES, ImageKind.LOGO), EXTERNAL_IDS, METADATA),
    is_subscribable=True,
)


async def find_seller(conn: Connection, seller_id: SellerId) -> Seller | None:
    record = await conn.fetchrow(f"select {SELLERS.select_list('s')} from sellers s where s.id = $1", seller_id)
    return None if record is None else SELLERS.from_record(record)


async def find_seller_ids(conn: Connection, seller_ids: Collection[SellerId]) -> set[SellerId]:
    """Return those of the ids that belong to sellers."""
    records = await conn.fetch("select id from sellers where id = any($1::bigint[])", [*seller_ids])
    return {SellerId(record["id"]) for record in records}


async def lock_seller(conn: Connection, seller_id: SellerId) -> Seller:
    """Lock a seller until the transaction ends. Raises NotFound at `seller_id`."""
    found = await lock_row(conn, SELLERS, seller_id)
    if found is None:
        raise NotFound.at("seller_id", "there is no such seller")
    return found
