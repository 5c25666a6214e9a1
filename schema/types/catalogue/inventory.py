"""Inventory: what a seller has of a variant; and Money, its price."""

from decimal import Decimal
from typing import Annotated

import strawberry

from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.money import decimal_amount, format_cents
from schema.entities.fields import column, computed, entity, global_id
from schema.entities.relations import relation, same_row
from schema.types.catalogue.seller import Seller
from schema.types.node import Node


@entity(INVENTORIES, description="What a seller has of a variant. Of its own seller, it is the variant's stock.")
class Inventory(Node):
    id: strawberry.ID = global_id("Inventory")
    count_on_hand: int = column("How many are in stock; of no meaning with `infiniteQuantity`.")
    infinite_quantity: bool = column("Whether it never runs out.", "has_infinite_quantity")
    price: Annotated["Money", strawberry.lazy("schema.types.catalogue.inventory")] | None = same_row(
        INVENTORIES,
        where=lambda: "t.price_cents is not null",
        filters=("price_cents",),
        description="What one costs here; null when the variant's own price counts.",
    )
    seller: Seller = relation(INVENTORIES.seller_id, description="The seller who has it.")


# Over the same rows, as a part of them: so its fields are declared, compiled and watched like all others.
@entity(INVENTORIES, description="An amount in a currency.")
class Money:
    amount: Decimal = computed(
        lambda row: decimal_amount(row.price_cents, row.currency),
        reads=("price_cents", "currency"),
        description="The amount in major units, as in `12.50`.",
    )
    currency_code: str = column("The currency's ISO 4217 code.", "currency")
    formatted: str | None = computed(
        lambda row: format_cents(row.price_cents, row.currency),
        reads=("price_cents", "currency"),
        description="The amount as text, as in `$12.50`.",
    )
