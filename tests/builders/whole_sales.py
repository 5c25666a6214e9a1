import re
from dataclasses import dataclass, fields
from typing import Any

from app.capture.owners import owner_tables
from app.db.pool import Connection
from app.marketplace.owned.db.metadata import METADATA
from schema.entities import global_ids
from tests.builders.addresses import create_address
from tests.builders.catalogue import (
    create_advert_option_value,
    create_brand,
    create_commission_package,
    create_inventory,
    create_taxon,
    create_variant_option_value,
)
from tests.builders.invoice_parts import create_adjustment, create_invoice_annotation, create_payment_event
from tests.builders.owned import create_external_id, create_image, create_metadatum
from tests.builders.remittances import create_remittance, create_remittance_advice
from tests.builders.sales import Sale, create_sale
from tests.builders.tracking import (
    create_return_shipment,
    create_return_shipment_status,
    create_return_shipped_item,
    create_shipment_status,
)

#: Attribute of Sale (or WholeSale) → GraphQL type, of all that have external ids and metadata.
OWNERS = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(): name for name in owner_tables(METADATA)}


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeSale:
    """A sale with one row of everything that hangs on it. `ids`: attribute → global id, of these and the sale's."""

    sale: Sale
    address: Any
    brand: Any
    taxon: Any
    advert_image: Any
    logo: Any
    payment_event: Any
    adjustment: Any
    line_adjustment: Any
    invoice_annotation: Any
    shipment_status: Any
    return_shipment: Any
    return_shipped_item: Any
    return_shipment_status: Any
    variant_option_value: Any
    advert_option_value: Any
    inventory: Any
    remittance_advice: Any
    remittance: Any
    commission_package: Any
    external_ids: dict[str, Any]

    def id_of(self, attribute: str, type_name: str | None = None) -> str:
        """Global id of one of the rows, of the sale as well."""
        if attribute not in {field.name for field in fields(self)}:
            return self.sale.id_of(attribute)
        named = type_name or "".join(part.title() for part in attribute.split("_"))
        return global_ids.encode(named, getattr(self, attribute).id)


async def create_whole_sale(conn: Connection) -> WholeSale:
    """Of a new seller, order, address, brand and taxon."""
    sale = await create_sale(conn)
    invoice_id, order_id, advert_id = sale.invoice.id, sale.order.id, sale.advert.id
    address, brand, taxon = await create_address(conn), await create_brand(conn), await create_taxon(conn)
    image = await create_image(conn, "Advert", advert_id)
    await conn.execute("update orders set address_id = $1, billing_address_id = $1 where id = $2", address.id, order_id)
    await conn.execute(
        "update invoices set shipping_address_id = $1, buyer_billing_address_id = $1 where id = $2",
        address.id,
        invoice_id,
    )
    package = await create_commission_package(conn)
    await conn.execute(
        "update sellers set address_id = $1, commission_package_id = $2 where id = $3",
        address.id,
        package.id,
        sale.seller.id,
    )
    await conn.execute(
        "update adverts set brand_id = $1, taxon_id = $2, display_image_id = $3 where id = $4",
        brand.id,
        taxon.id,
        image.id,
        advert_id,
    )
    await conn.execute("update line_items set image_id = $1 where id = $2", image.id, sale.line_item.id)
    await create_image(conn, "Variant", sale.variant.id)
    await create_image(conn, "Seller", sale.seller.id)
    await create_image(conn, "RefundRequestNote", sale.refund_request_note.id)
    await create_image(conn, "Brand", brand.id, kind="LOGO")
    back = await create_return_shipment(conn, refund_request_id=sale.refund_request.id)
    advice = await create_remittance_advice(conn, seller_id=sale.seller.id)
    external_ids = {}
    for attribute, type_name in OWNERS.items():
        owner_id = back.id if attribute == "return_shipment" else getattr(sale, attribute).id
        external_ids[attribute] = await create_external_id(conn, type_name, owner_id)
        await create_metadatum(conn, type_name, owner_id)
    return WholeSale(
        sale=sale,
        address=address,
        brand=brand,
        taxon=taxon,
        advert_image=image,
        logo=await create_image(conn, "Seller", sale.seller.id, kind="LOGO"),
        payment_event=await create_payment_event(conn, order_id=order_id),
        adjustment=await create_adjustment(conn, invoice_id=invoice_id),
        line_adjustment=await create_adjustment(conn, line_item_id=sale.line_item.id),
        invoice_annotation=await create_invoice_annotation(conn, invoice_id=invoice_id),
        shipment_status=await create_shipment_status(conn, shipment_id=sale.shipment.id),
        return_shipment=back,
        return_shipped_item=await create_return_shipped_item(
            conn, return_shipment_id=back.id, line_item_id=sale.line_item.id
        ),
        return_shipment_status=await create_return_shipment_status(conn, return_shipment_id=back.id),
        variant_option_value=await create_variant_option_value(conn, variant_id=sale.variant.id),
        advert_option_value=await create_advert_option_value(conn, advert_id=advert_id),
        inventory=await create_inventory(conn, variant_id=sale.variant.id),
        remittance_advice=advice,
        remittance=await create_remittance(conn, invoice_id=invoice_id, remittance_advice_id=advice.id),
        commission_package=package,
        external_ids=external_ids,
    )
