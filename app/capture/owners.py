"""Owners of external ids and metadata, named by GraphQL type and id."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoices import InvoiceId

_OF_INVOICE = "select i.seller_id, i.id as invoice_id from invoices i"
#: GraphQL type → SQL for whose the row $1 is (null: the operator's alone) and the invoice that it is a part of.
_OWNERS: Mapping[str, str] = {
    "Order": "select null::bigint as seller_id, null::bigint as invoice_id from orders o where o.id = $1",
    "Invoice": f"{_OF_INVOICE} where i.id = $1",
    "LineItem": f"{_OF_INVOICE} join line_items l on l.invoice_id = i.id where l.id = $1",
    "Shipment": f"{_OF_INVOICE} join shipments s on s.invoice_id = i.id where s.id = $1",
    "RefundRequest": f"{_OF_INVOICE} join refund_requests q on q.invoice_id = i.id where q.id = $1",
    "RefundRequestLineItem": f"{_OF_INVOICE} join refund_requests q on q.invoice_id = i.id"
    " join refund_request_line_items l on l.refund_request_id = q.id where l.id = $1",
    "ReturnShipment": f"{_OF_INVOICE} join refund_requests q on q.invoice_id = i.id"
    " join return_shipments r on r.refund_request_id = q.id where r.id = $1",
    "Advert": "select a.seller_id, null::bigint as invoice_id from adverts a where a.id = $1 and a.deleted_at is null",
    "Variant": "select v.seller_id, null::bigint as invoice_id from variants v"
    " where v.id = $1 and v.deleted_at is null",
    "Seller": "select s.id as seller_id, null::bigint as invoice_id from sellers s where s.id = $1",
}
OWNER_TYPES = frozenset(_OWNERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """seller_id: None is the operator's alone. invoice_id: None is no part of an invoice."""

    seller_id: SellerId | None
    invoice_id: InvoiceId | None


async def find_owner(conn: Connection, type_name: str, owner_id: int) -> Owner | None:
    """None when there is no such row. The type is one of OWNER_TYPES."""
    row = await conn.fetchrow(_OWNERS[type_name], owner_id)
    return None if row is None else Owner(seller_id=row["seller_id"], invoice_id=row["invoice_id"])
