"""Line items of a new order: the offer of a variant, and the copies that the line item keeps."""

from app.marketplace.catalogue.db.variants import OfferedVariant
from app.marketplace.catalogue.domain.stock import Offer, price_now
from app.marketplace.orders.domain.order import initial_quantities
from app.marketplace.orders.domain.purchase import Part, PricedLine


def offer_of(item: OfferedVariant) -> Offer:
    """Return the offer of a variant at the time of purchase."""
    variant = item.variant
    return Offer(
        seller_id=variant.seller_id,
        is_for_sale=item.is_shown and variant.is_published,
        price_cents=price_now(
            price_cents=variant.price_cents,
            sale_price_cents=variant.sale_price_cents,
            sale_start_at=variant.sale_price_start_at,
            sale_end_at=variant.sale_price_end_at,
            now=item.now,
        ),
        currency=variant.currency,
        count_on_hand=None if variant.has_infinite_quantity else variant.count_on_hand,
        min_quantity=variant.min_purchase_quantity,
        max_quantity=variant.max_purchase_quantity,
    )


def copies_of(item: OfferedVariant) -> dict[str, object]:
    """Return the values of the variant that the line item keeps, whatever becomes of the variant."""
    return {
        "advert_id": item.variant.advert_id,
        "advert_title": item.advert_title,
        "advert_code": item.advert_code,
        "brand_name": item.brand_name,
        "image_id": item.image_id,
        "variant_id": item.variant.id,
        "variant_name": item.variant.label,
        "variant_sku": item.variant.sku,
        "variant_barcode": item.variant.barcode,
        "pricing_model": item.variant.pricing_model,
        "inventory_id": item.inventory_id,
        "wholesale_price_cents": price_now(
            price_cents=item.variant.wholesale_price_cents,
            sale_price_cents=item.variant.wholesale_promo_price_cents,
            sale_start_at=item.variant.wholesale_promo_price_start_at,
            sale_end_at=item.variant.wholesale_promo_price_end_at,
            now=item.now,
        ),
    }


def line_item_columns(line: PricedLine, part: Part, *, is_from_stock: bool) -> dict[str, object]:
    """Return the quantities and amounts of a new line item of an invoice."""
    wanted, amounts = line.wanted, line.amounts
    awaiting, returnable = initial_quantities(wanted.delivery_type, wanted.quantity)
    return {
        "quantity": wanted.quantity,
        "quantity_awaiting_dispatch": awaiting,
        "quantity_returnable": returnable,
        "stock_quantity": wanted.quantity if is_from_stock else 0,
        "item_amount_cents": line.item_amount_cents,
        "total_cents": amounts.total_cents,
        "subtotal_cents": amounts.subtotal_cents,
        "discount_cents": -amounts.discount_cents,
        "tax_total_cents": amounts.tax_cents,
        "postage_cents": amounts.postage_cents,
        "tax_rate": amounts.tax_rate,
        "postage_tax_rate": part.amounts.tax_rate if amounts.postage_tax_cents is None else amounts.postage_tax_rate,
        "commission_amount_cents": line.commission_cents,
        "commission_amount_tax_cents": line.commission_tax_cents,
        "commission_rate": wanted.commission_rate,
        "commission_tax_rate": wanted.commission_tax_rate,
        "merchant_fees_tax_rate": part.terms.merchant_fees_tax_rate,
    }
