"""Inventories: the stock of each seller of a variant.

The inventory of the variant's own seller is the stock of the variant, on which orders draw. Triggers keep both equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Table, part_of
from app.db.write import insert_rows
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.catalogue.db.variants import VARIANTS, Variant, VariantId

InventoryId = NewType("InventoryId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    id: InventoryId
    variant_id: VariantId
    seller_id: SellerId
    count_on_hand: int
    has_infinite_quantity: bool
    price_cents: int | None
    currency: str


INVENTORIES = Table(
    "inventories",
    Inventory,
    seen_by=OfSeller(),
    keys={"variant_id": part_of(VARIANTS), "seller_id": SELLERS},
)


async def insert_inventories(conn: Connection, variants: Sequence[Variant]) -> None:
    """Insert the stock of new variants, as their own seller's inventories."""
    rows = [
        {
            "variant_id": variant.id,
            "seller_id": variant.seller_id,
            "count_on_hand": variant.count_on_hand,
            "has_infinite_quantity": variant.has_infinite_quantity,
            "currency": variant.currency,
        }
        for variant in variants
    ]
    if rows:
        await insert_rows(conn, INVENTORIES, rows)


async def lock_inventories(conn: Connection, variant_id: VariantId) -> list[Inventory]:
    """Lock the inventories of a locked variant in key order."""
    records = await conn.fetch(
        f"select {INVENTORIES.select_list('n')} from inventories n where n.variant_id = $1 order by n.id"
        " for no key update",
        variant_id,
    )
    return INVENTORIES.rows(records)
