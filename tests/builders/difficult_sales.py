"""Sales with what a rendering may stumble over."""

import re

import asyncpg

from tests.builders.sales import Sale, create_sale, create_sales


async def create_difficult_sales(conn: asyncpg.Connection) -> list[Sale]:
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
    return sales


def entity_id(sale: Sale, entity_type: str) -> int:
    """The id of a sale's Invoice, RefundRequest, Seller, …."""
    attribute = re.sub("(?<=[a-z])(?=[A-Z])", "_", entity_type).lower()
    found: int = getattr(sale, attribute).id
    return found
