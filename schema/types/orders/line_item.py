"""LineItem: one variant that was bought, with copies of how it was offered at the time."""

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.money import decimal_amount
from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoices import LINE_ITEMS
from app.marketplace.orders.db.invoices import LineItem as LineItemRow
from app.marketplace.orders.db.shipments import SHIPPED_ITEMS
from schema.entities import global_ids
from schema.entities.fields import Amounts, column, computed, entity, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.enums.marketplace import (
    LineItemStatusEnum,
    LineItemStatusFullEnum,
    PricingModelEnum,
)
from schema.types.catalogue.advert import Advert
from schema.types.catalogue.variant import Variant
from schema.types.node import Node
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, metadata

if TYPE_CHECKING:
    from schema.types.catalogue.inventory import Inventory
    from schema.types.orders.adjustment import Adjustment
    from schema.types.orders.shipment import Shipment


def _advert_id(row: LineItemRow) -> str | None:
    return None if row.advert_id is None else global_ids.encode("Advert", row.advert_id)


def _variant_id(row: LineItemRow) -> str | None:
    return None if row.variant_id is None else global_ids.encode("Variant", row.variant_id)


_ITEM_AMOUNT = Amounts("Price of a single item.", "item_amount_cents")
_TOTAL = Amounts("What the buyer pays for the line.", "total_cents")
_SUBTOTAL = Amounts("Price of the whole quantity, before postage and discount.", "subtotal_cents")
_TAX_TOTAL = Amounts("Tax contained in the total.", "tax_total_cents")
_DISCOUNT = Amounts("What was taken off: negative, or 0.", "discount_cents")
_POSTAGE = Amounts("The line's share of the shipping cost.", "postage_cents")
_COMMISSION_AMOUNT = Amounts(
    "What the operator keeps of the total; null where no commission is agreed.", "commission_amount_cents"
)
_COMMISSION_AMOUNT_TAX = Amounts(
    "Tax contained in the commission; null where no commission is agreed.", "commission_amount_tax_cents"
)


@entity(
    LINE_ITEMS,
    description="One variant that was bought, with copies of how it was offered at the time.",
)
class LineItem(Node):
    id: strawberry.ID = global_id("LineItem")
    legacy_id: int = legacy_id()
    quantity: int = column("How many were bought.")
    quantity_awaiting_dispatch: int = column("How many of them are still to be sent.")
    quantity_returnable: int = column("How many of them can still be asked to be refunded.")
    status: LineItemStatusEnum = column("Where the line item stands, apart from its dispatch.")
    status_full: LineItemStatusFullEnum = column(
        "Where it stands, its dispatch included: SHIPPED once nothing awaits dispatch."
    )
    pricing_model: PricingModelEnum = column("On whose account it was sold.")
    advert_id: strawberry.ID | None = computed(
        _advert_id,
        reads=("advert_id",),
        description="Global id of the advert at purchase; stays when the advert is deleted.",
    )
    advert_legacy_id: int | None = column("The number inside `advertId`.", "advert_id")
    advert_title: str | None = column("Title of the advert at purchase.")
    advert_code: str | None = column("The seller's code of the advert at purchase.")
    brand_name: str | None = column("Name of the brand at purchase.")
    variant_id: strawberry.ID | None = computed(
        _variant_id,
        reads=("variant_id",),
        description="Global id of the variant at purchase; stays when the variant is deleted.",
    )
    variant_legacy_id: int | None = column("The number inside `variantId`.", "variant_id")
    variant_name: str | None = column("Label of the variant at purchase.")
    variant_sku: str | None = column("Stock keeping unit of the variant at purchase.")
    variant_barcode: str | None = column("Barcode of the variant at purchase.")
    tax_rate: float | None = column("Rate of tax, as a fraction: 0.1 is 10 %. Null when it is not known.")
    item_amount_cents: int | None = _ITEM_AMOUNT.cents()
    item_amount_formatted: str | None = _ITEM_AMOUNT.formatted()
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    subtotal_cents: int | None = _SUBTOTAL.cents()
    subtotal_formatted: str | None = _SUBTOTAL.formatted()
    tax_total_cents: int | None = _TAX_TOTAL.cents()
    tax_total_formatted: str | None = _TAX_TOTAL.formatted()
    discount_cents: int | None = _DISCOUNT.cents()
    discount_formatted: str | None = _DISCOUNT.formatted()
    postage_cents: int | None = _POSTAGE.cents()
    postage_formatted: str | None = _POSTAGE.formatted()
    commission_amount_cents: int | None = _COMMISSION_AMOUNT.cents()
    commission_amount_formatted: str | None = _COMMISSION_AMOUNT.formatted()
    commission_amount_tax_cents: int | None = _COMMISSION_AMOUNT_TAX.cents()
    commission_amount_tax_formatted: str | None = _COMMISSION_AMOUNT_TAX.formatted()
    commission_rate: str | None = computed(
        lambda row: None if row.commission_rate is None else repr(row.commission_rate),
        reads=("commission_rate",),
        description="The operator's part of the total, as a fraction: `0.1` is 10 %. Null where none is agreed.",
    )
    commission_tax_rate: float | None = column("Rate of the tax in the commission, as a fraction; null: none.")
    postage_tax_rate: float | None = column("Rate of the tax in the postage, as a fraction; null when not known.")
    merchant_fees_tax_rate: float | None = column("Rate of the tax in the invoice's merchant fee; null: none.")
    wholesale_price: Decimal | None = computed(
        lambda row: decimal_amount(row.wholesale_price_cents, row.currency),
        reads=("wholesale_price_cents", "currency"),
        description="The variant's wholesale price at purchase; null when it had none.",
    )
    inventory: Annotated["Inventory", strawberry.lazy("schema.types.catalogue.inventory")] | None = relation(
        LINE_ITEMS.inventory_id, description="The stock that it was taken from; null when it is not known."
    )
    variant: Variant | None = relation(
        LINE_ITEMS.variant_id,
        description="The variant as it is today; null when it was deleted.",
        deprecated="It may have changed since the purchase: read the copies, such as `variantSku`.",
    )
    advert: Advert | None = relation(
        LINE_ITEMS.advert_id,
        description="The advert as it is today; null when it was deleted.",
        deprecated="It may have changed since the purchase: read the copies, such as `advertTitle`.",
    )
    image: AnImage | None = relation(
        LINE_ITEMS.image_id, description="How the product looked at purchase; null without a picture."
    )
    shipments: list[Annotated["Shipment", strawberry.lazy("schema.types.orders.shipment")]] = relation_list(
        SHIPPED_ITEMS.shipment_id,
        through=SHIPPED_ITEMS.line_item_id,
        description="The shipments that some of it is in, oldest first.",
    )
    adjustments: list[Annotated["Adjustment", strawberry.lazy("schema.types.orders.adjustment")]] = relation_list(
        ADJUSTMENTS.line_item_id, description="What was added to or taken off the line's price."
    )
    external_ids: ExternalIDs = external_ids(LINE_ITEMS)
    metadata: Metadata = metadata(LINE_ITEMS)
