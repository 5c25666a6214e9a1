"""Return shipments: recording parcels that the buyer sends back for a refund request."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows, lock_row, update_row
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, blank_problems, form_problems, url_problems, value_problems
from app.marketplace.orders.db.invoices import LineItemId, touch_invoice
from app.marketplace.orders.db.shipments import ShipmentCarrierId, find_carrier
from app.marketplace.orders.domain.shipment import PackedItem, returning_problems
from app.marketplace.owned.services.images import NewImage, add_images, image_problems
from app.marketplace.owned.services.owned import KeptValue, keep_external_ids, keep_metadata, kept_problems
from app.marketplace.refunds.db.refund_requests import RefundRequestId, touch_refund_request
from app.marketplace.refunds.db.return_shipments import (
    RETURN_SHIPMENTS,
    RETURN_SHIPPED_ITEMS,
    ReturnShipment,
    ReturnShipmentId,
    count_returning,
    find_returned_request,
)
from app.marketplace.refunds.domain.refund_request import RefundStage
from app.marketplace.refunds.services.refund_effects import LockedRefund, lock_refund


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReturnItem:
    line_item_id: LineItemId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewReturnShipment:
    """A new return shipment. `drop_off_url` is a page that tells the buyer where to hand the parcel in."""

    refund_request_id: RefundRequestId
    carrier_id: ShipmentCarrierId
    tracking_number: str
    shipped_items: Sequence[NewReturnItem] = ()
    note: str | None = None
    drop_off_url: str | None = None
    attachments: Sequence[NewImage] = ()
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnShipmentUpdate:
    """The input of `update_return_shipment`. An absent value stays as it is; None clears the note and the URL.

    Attachments, external ids and metadata are added to those that there are.
    """

    shipment_id: ReturnShipmentId
    carrier_id: ShipmentCarrierId | Absent | None = ABSENT
    tracking_number: str | Absent | None = ABSENT
    note: str | Absent | None = ABSENT
    drop_off_url: str | Absent | None = ABSENT
    attachments: Sequence[NewImage] = ()
    external_ids: Sequence[KeptValue] = ()
    metadata: Sequence[KeptValue] = ()


async def create_return_shipment(database: Database, viewer: Viewer, new: NewReturnShipment) -> ReturnShipment:
    """Record a parcel on its way back. For the operator and the invoice's seller. The lines of the request don't move.

    Raises:
        NotFound: There is no such request for this viewer.
        InvalidInput: Names everything that is wrong.
    """
    problems = value_problems(new).include(blank_problems({"tracking_number": new.tracking_number}))
    problems.include(url_problems({"drop_off_url": new.drop_off_url})).include(_kept_problems(new)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        locked = await lock_refund(conn, viewer, new.refund_request_id)
        problems = returning_problems(await _left(conn, locked), _packed(new))
        problems.include(await _carrier_problems(conn, new.carrier_id)).check()
        shipment = await insert_row(
            conn,
            RETURN_SHIPMENTS,
            refund_request_id=new.refund_request_id,
            carrier_id=new.carrier_id,
            tracking_number=new.tracking_number,
            note=new.note,
            drop_off_url=new.drop_off_url,
        )
        items = [
            {"return_shipment_id": shipment.id, "line_item_id": item.line_item_id, "quantity": item.quantity}
            for item in new.shipped_items
        ]
        if items:
            await insert_rows(conn, RETURN_SHIPPED_ITEMS, items)
        await _keep(conn, shipment.id, new)
        await _touch(conn, locked)
        return shipment


async def update_return_shipment(database: Database, viewer: Viewer, change: ReturnShipmentUpdate) -> ReturnShipment:
    """Change a return shipment. For the operator and the invoice's seller. Equal values are not written.

    Raises:
        NotFound: There is no such shipment for this viewer.
        InvalidInput: Names everything that is wrong.
    """
    sent = sent_values(change)
    for name in ("shipment_id", "attachments", "external_ids", "metadata"):
        del sent[name]
    value_problems(change).include(_update_problems(sent)).include(_kept_problems(change)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        request_id = await find_returned_request(conn, change.shipment_id, seller_id=viewer.seller_id)
        locked = await lock_refund(conn, viewer, request_id)
        before = await lock_row(conn, RETURN_SHIPMENTS, change.shipment_id)
        assert before is not None, "return shipments are not deleted"
        if "carrier_id" in sent:
            (await _carrier_problems(conn, sent["carrier_id"])).check()
        differing = {name: value for name, value in sent.items() if value != getattr(before, name)}
        await _keep(conn, before.id, change)
        if not differing and not (change.attachments or change.external_ids or change.metadata):
            return before
        await _touch(conn, locked)
        return await update_row(conn, RETURN_SHIPMENTS, before.id, differing)


def _kept_problems(given: NewReturnShipment | ReturnShipmentUpdate) -> Problems:
    return kept_problems(given.external_ids, given.metadata, "").include(
        image_problems(given.attachments, "attachments")
    )


async def _keep(conn: Connection, row_id: int, given: NewReturnShipment | ReturnShipmentUpdate) -> None:
    type_name = RETURN_SHIPMENTS.type_name
    await add_images(conn, type_name, row_id, given.attachments)
    if given.external_ids:
        await keep_external_ids(conn, type_name, row_id, given.external_ids)
    if given.metadata:
        await keep_metadata(conn, type_name, row_id, given.metadata)


def _packed(new: NewReturnShipment) -> list[PackedItem]:
    return [PackedItem(line_item_id=item.line_item_id, quantity=item.quantity) for item in new.shipped_items]


def _update_problems(sent: Mapping[str, Any]) -> Problems:
    problems = form_problems(sent, not_null=("carrier_id", "tracking_number"))
    return problems.include(url_problems({"drop_off_url": sent.get("drop_off_url")}))


async def _carrier_problems(conn: Connection, carrier_id: ShipmentCarrierId) -> Problems:
    if await find_carrier(conn, carrier_id) is not None:
        return Problems()
    return Problems(carrier_id=["there is no such carrier"])


async def _left(conn: Connection, locked: LockedRefund) -> dict[int, int]:
    """Return the quantities of the request's line items that are to be returned and are in no return shipment yet."""
    wanted: Counter[int] = Counter()
    for line in locked.lines:
        if line.line_item_id is not None and line.stage is not RefundStage.REFUND_DENIED:
            wanted[line.line_item_id] += line.quantity
    returning = await count_returning(conn, locked.request.id)
    return {item_id: quantity - returning.get(LineItemId(item_id), 0) for item_id, quantity in wanted.items()}


async def _touch(conn: Connection, locked: LockedRefund) -> None:
    await touch_invoice(conn, locked.invoice.id)
    await touch_refund_request(conn, locked.request.id)
