"""Changes of shipments that were sent: another carrier, number or note."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import lock_row, update_row
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, form_problems, value_problems
from app.marketplace.orders.db.invoices import lock_invoice, touch_invoice
from app.marketplace.orders.db.orders import get_order
from app.marketplace.orders.db.shipments import (
    SHIPMENTS,
    Shipment,
    ShipmentCarrierId,
    ShipmentId,
    find_carrier,
    find_shipped_invoice,
)
from app.marketplace.orders.domain.shipment import dispatch_problems, tracking_link


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipmentUpdate:
    """The input of `update_shipment`. An absent value stays as it is; only the note can be cleared."""

    shipment_id: ShipmentId
    postage_carrier_id: ShipmentCarrierId | Absent | None = ABSENT
    tracking_number: str | Absent | None = ABSENT
    dispatched_at: datetime | Absent | None = ABSENT
    note: str | Absent | None = ABSENT


async def update_shipment(database: Database, viewer: Viewer, change: ShipmentUpdate) -> Shipment:
    """Change a shipment. For the operator and the invoice's seller. Equal values are not written.

    Raises:
        NotFound: There is no such shipment for this viewer.
        InvalidInput: Names everything that is wrong.
    """
    sent = sent_values(change)
    del sent["shipment_id"]
    value_problems(change).include(form_problems(sent, not_null=sent.keys() - {"note"})).check()
    async with transaction(database, actor=viewer.actor) as conn:
        invoice_id = await find_shipped_invoice(conn, change.shipment_id, seller_id=viewer.seller_id)
        invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        before = await lock_row(conn, SHIPMENTS, change.shipment_id)
        assert before is not None, "shipments are not deleted"
        if "dispatched_at" in sent:
            order = await get_order(conn, invoice.order_id)
            now = await conn.fetchval("select now()")
            dispatch_problems(sent["dispatched_at"], ordered_at=order.created_at, now=now).check()
        wanted = await _columns(conn, before, sent)
        differing = {name: value for name, value in wanted.items() if value != getattr(before, name)}
        if not differing:
            return before
        await touch_invoice(conn, invoice_id)
        return await update_row(conn, SHIPMENTS, before.id, differing)


async def _columns(conn: Connection, before: Shipment, sent: dict[str, Any]) -> dict[str, Any]:
    """Return the shipment's changed columns. The link follows from the carrier and the number. Raises InvalidInput."""
    columns = {name: value for name, value in sent.items() if name != "postage_carrier_id"}
    if "postage_carrier_id" not in sent and "tracking_number" not in sent:
        return columns
    carrier_id = sent.get("postage_carrier_id", before.carrier_id)
    carrier = None if carrier_id is None else await find_carrier(conn, carrier_id)
    if carrier is None and "postage_carrier_id" in sent:
        Problems(postage_carrier_id=["there is no such carrier"]).check()
    if "postage_carrier_id" in sent and carrier is not None:
        columns |= {"carrier_id": carrier.id, "carrier": carrier.name, "homepage_link": carrier.homepage_url}
    number = sent.get("tracking_number", before.tracking_number)
    return columns | {"tracking_link": tracking_link(carrier.tracking_link_template if carrier else None, number)}
