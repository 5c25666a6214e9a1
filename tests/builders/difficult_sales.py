"""Sales with what a rendering may stumble over."""

import re
from dataclasses import dataclass, fields

import asyncpg

from app.marketplace.catalogue.db.commission_packages import CommissionPackage
from app.marketplace.catalogue.db.option_types import OptionType, OptionValue
from app.marketplace.catalogue.db.taxons import Taxon
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotation
from app.marketplace.refunds.db.return_shipments import ReturnShipment
from app.marketplace.remittances.db.remittances import RemittanceAdvice
from tests.builders.catalogue import create_commission_package, create_option_type, create_option_value, create_taxon
from tests.builders.invoice_parts import create_invoice_annotation
from tests.builders.remittances import create_remittance, create_remittance_advice
from tests.builders.sales import Sale, create_sale, create_sales
from tests.builders.tracking import create_return_shipment


@dataclass(frozen=True, slots=True, kw_only=True)
class DifficultSale(Sale):
    """A sale of which something has been sent back, noted and remitted, with reference data of its own."""

    taxon: Taxon
    option_type: OptionType
    option_value: OptionValue
    return_shipment: ReturnShipment
    invoice_annotation: InvoiceAnnotation
    remittance_advice: RemittanceAdvice
    commission_package: CommissionPackage


async def create_difficult_sales(conn: asyncpg.Connection) -> list[DifficultSale]:
    """Sales with nulls, unicode, amounts beyond 32 bits, deleted and unpublished adverts, another seller's rows."""
    sales = await create_sales(conn, 4)
    first, second, third, _ = sales
    await create_sale(conn, seller=first.seller, order=second.order)
    await conn.execute("update invoices set total_cents = 9007199254740993 where id = $1", first.invoice.id)
    await conn.execute("update line_items set advert_title = $1, variant_sku = null", 'Zürich "☃" \\ \u2028 \x01')
    await conn.execute("update adverts set deleted_at = now() where id = $1", second.advert.id)
    await conn.execute("update adverts set is_published = false where id = $1", third.advert.id)
    await conn.execute("update variants set deleted_at = now() where id = $1", first.variant.id)
    await conn.execute("delete from shipped_items where shipment_id = $1", third.shipment.id)
    root = await create_taxon(conn, display_name='Küche "☃"')
    return [await _with_more(conn, sale, root) for sale in sales]


async def _with_more(conn: asyncpg.Connection, sale: Sale, root: Taxon) -> DifficultSale:
    option_type = await create_option_type(conn)
    return DifficultSale(
        **{field.name: getattr(sale, field.name) for field in fields(sale)},
        taxon=await create_taxon(conn, parent_id=root.id),
        option_type=option_type,
        option_value=await create_option_value(conn, option_type_id=option_type.id, display_name="½ \u2028"),
        return_shipment=await create_return_shipment(conn, refund_request_id=sale.refund_request.id),
        invoice_annotation=await create_invoice_annotation(conn, invoice_id=sale.invoice.id),
        remittance_advice=await _remit(conn, sale),
        commission_package=await create_commission_package(conn),
    )


async def _remit(conn: asyncpg.Connection, sale: Sale) -> RemittanceAdvice:
    advice = await create_remittance_advice(conn, seller_id=sale.seller.id, payment_reference='"☃"')
    await create_remittance(conn, invoice_id=sale.invoice.id, remittance_advice_id=advice.id)
    return advice


def entity_id(sale: Sale, entity_type: str) -> int:
    """The id of a sale's Invoice, RefundRequest, Seller, …."""
    attribute = re.sub("(?<=[a-z])(?=[A-Z])", "_", entity_type).lower()
    found: int = getattr(sale, attribute).id
    return found
