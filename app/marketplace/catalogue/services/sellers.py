"""Sellers, the businesses of the marketplace: creating and changing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, update_row
from app.errors import Forbidden, InvalidInput, NotFound
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, url_problems, value_problems
from app.marketplace.catalogue.db.commission_packages import CommissionPackageId, package_exists, touch_packages
from app.marketplace.catalogue.db.sellers import SELLERS, Seller, SellerId, lock_seller
from app.marketplace.catalogue.domain.seller import OWN, seller_problems
from app.marketplace.orders.services.addresses import NewAddress, address_problems, insert_address
from app.marketplace.owned.services.owned import KeptValue, keep_metadata, metadata_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerAttributes:
    """Attributes of a seller. An absent one stays as it is, None clears it."""

    business_name: str | Absent | None = ABSENT
    legal_business_name: str | Absent | None = ABSENT
    business_number: str | Absent | None = ABSENT
    email_address: str | Absent | None = ABSENT
    phone: str | Absent | None = ABSENT
    mobile: str | Absent | None = ABSENT
    email_cc: str | Absent | None = ABSENT
    store_description: str | Absent | None = ABSENT
    opening_hours: str | Absent | None = ABSENT
    delivery_details: str | Absent | None = ABSENT
    return_policy: str | Absent | None = ABSENT
    service_policy: str | Absent | None = ABSENT
    click_and_collect_policy: str | Absent | None = ABSENT
    contact_first_name: str | Absent | None = ABSENT
    contact_surname: str | Absent | None = ABSENT
    youtube_video_url: str | Absent | None = ABSENT
    metadata: Sequence[KeptValue] = ()
    online: bool | Absent | None = ABSENT
    is_retailer: bool | Absent | None = ABSENT
    can_pay_out_refunds: bool | Absent | None = ABSENT
    address: NewAddress | Absent | None = ABSENT
    commission_package_id: CommissionPackageId | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerUpdate:
    """The input of `update_seller`. A `seller_id` of None is the viewer's own."""

    attributes: SellerAttributes
    seller_id: SellerId | None = None


async def create_seller(database: Database, viewer: Viewer, attributes: SellerAttributes) -> Seller:
    """Create a seller. For the operator. Raises Forbidden; InvalidInput names every wrong attribute."""
    if not viewer.is_operator:
        raise Forbidden("Sellers can be added by the marketplace operator only.")
    sent = sent_values(attributes)
    problems = value_problems(attributes, "attributes").include(seller_problems(sent, is_new=True))
    problems.include(metadata_problems(attributes.metadata, "attributes.metadata"))
    problems.include(address_problems(sent.get("address"), "attributes.address")).check()
    async with transaction(database, actor=viewer.actor) as conn:
        seller = await insert_row(conn, SELLERS, **await _columns(conn, sent))
        await touch_packages(conn, [seller.commission_package_id])
        await keep_metadata(conn, SELLERS.type_name, seller.id, attributes.metadata)
        return seller


async def update_seller(database: Database, viewer: Viewer, change: SellerUpdate) -> Seller:
    """Change a seller. For the operator; a seller may change its own contact details. Equal values are not written.

    Raises:
        NotFound: There is no such seller for this viewer.
        InvalidInput: Names every wrong attribute.
    """
    sent = sent_values(change.attributes)
    problems = value_problems(change).include(seller_problems(sent, is_new=False))
    problems.include(address_problems(sent.get("address"), "attributes.address"))
    problems.include(metadata_problems(change.attributes.metadata, "attributes.metadata"))
    problems.include(url_problems({"attributes.youtube_video_url": sent.get("youtube_video_url")}))
    problems.include(_rights(viewer, sent)).check()
    seller_id = viewer.seller_id if change.seller_id is None else change.seller_id
    if seller_id is None:
        Problems(seller_id=["is required"]).check()
    if viewer.seller_id not in (None, seller_id):
        raise NotFound.at("seller_id", "there is no such seller")
    assert seller_id is not None
    async with transaction(database, actor=viewer.actor) as conn:
        before = await lock_seller(conn, seller_id)
        await keep_metadata(conn, SELLERS.type_name, seller_id, change.attributes.metadata)
        wanted = await _columns(conn, sent)
        columns = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        if "commission_package_id" in columns:
            await touch_packages(conn, [before.commission_package_id, columns["commission_package_id"]])
        return await update_row(conn, SELLERS, seller_id, columns) if columns else before


def _rights(viewer: Viewer, sent: dict[str, Any]) -> Problems:
    """List the attributes that a seller may not change itself."""
    given = [name for name, value in sent.items() if name != "metadata" or value]
    foreign = [] if viewer.is_operator else [name for name in given if name not in OWN]
    message = "can be changed by the marketplace operator only"
    return Problems({f"attributes.{name}": [message] for name in foreign})


async def _columns(conn: Connection, sent: dict[str, Any]) -> dict[str, Any]:
    apart = ("address", "metadata")
    columns = {"is_online" if name == "online" else name: sent[name] for name in sent if name not in apart}
    if "address" in sent:
        columns["address_id"] = await insert_address(conn, sent["address"])
    package_id = sent.get("commission_package_id")
    if package_id is not None and not await package_exists(conn, package_id):
        raise InvalidInput.at("attributes.commission_package_id", "there is no such commission package")
    return columns
