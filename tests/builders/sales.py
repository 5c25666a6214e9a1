from dataclasses import dataclass

from app.db.pool import Connection
from app.marketplace.catalogue.db.adverts import Advert
from app.marketplace.catalogue.db.sellers import Seller
from app.marketplace.catalogue.db.variants import Variant
from app.marketplace.orders.db.invoice_amendments import InvoiceAmendment, InvoiceAmendmentLineItem
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.db.orders import Order
from app.marketplace.orders.db.shipments import Shipment, ShippedItem
from app.marketplace.refunds.db.refund_requests import RefundRequest, RefundRequestLineItem, RefundRequestNote
from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.builders.invoice_amendments import create_invoice_amendment, create_invoice_amendment_line_item
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.orders import create_order
from tests.builders.refund_requests import (
    create_refund_request,
    create_refund_request_line_item,
    create_refund_request_note,
)
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment, create_shipped_item
from tests.builders.variants import create_variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """All that belongs to one invoice: one row of each type, linked to each other."""

    seller: Seller
    advert: Advert
    variant: Variant
    order: Order
    invoice: Invoice
    line_item: LineItem
    shipment: Shipment
    shipped_item: ShippedItem
    refund_request: RefundRequest
    refund_request_line_item: RefundRequestLineItem
    refund_request_note: RefundRequestNote
    invoice_amendment: InvoiceAmendment
    invoice_amendment_line_item: InvoiceAmendmentLineItem

    def id_of(self, attribute: str) -> str:
        """Global id of one of the rows: `id_of("line_item")` is that of a LineItem."""
        type_name = "".join(part.title() for part in attribute.split("_"))
        return global_ids.encode(type_name, getattr(self, attribute).id)


async def create_sale(conn: Connection, *, seller: Seller | None = None, order: Order | None = None) -> Sale:
    """One line of one invoice, sent and asked to be refunded; of a new seller and order unless given."""
    seller = seller or await create_seller(conn)
    order = order or await create_order(conn)
    advert = await create_advert(conn, seller_id=seller.id)
    variant = await create_variant(conn, advert_id=advert.id)
    invoice = await create_invoice(conn, order_id=order.id, seller_id=seller.id)
    line = await create_line_item(conn, invoice_id=invoice.id, advert_id=advert.id, variant_id=variant.id)
    shipment = await create_shipment(conn, invoice_id=invoice.id)
    request = await create_refund_request(conn, invoice_id=invoice.id)
    request_line = await create_refund_request_line_item(conn, refund_request_id=request.id, line_item_id=line.id)
    amendment = await create_invoice_amendment(conn, invoice_id=invoice.id, refund_request_id=request.id)
    return Sale(
        seller=seller,
        advert=advert,
        variant=variant,
        order=order,
        invoice=invoice,
        line_item=line,
        shipment=shipment,
        shipped_item=await create_shipped_item(conn, shipment_id=shipment.id, line_item_id=line.id),
        refund_request=request,
        refund_request_line_item=request_line,
        refund_request_note=await create_refund_request_note(
            conn, refund_request_id=request.id, refund_request_line_item_id=request_line.id
        ),
        invoice_amendment=amendment,
        invoice_amendment_line_item=await create_invoice_amendment_line_item(
            conn, invoice_amendment_id=amendment.id, line_item_id=line.id
        ),
    )


async def create_sales(conn: Connection, number: int) -> list[Sale]:
    """Create so many sales, each with a seller and an order of its own."""
    return [await create_sale(conn) for _ in range(number)]
