"""Inventories: the stock of each seller of a variant."""

from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Table, part_of
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.catalogue.db.variants import VARIANTS, VariantId

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


async def lock_inventories(conn: Connection, variant_id: VariantId) -> list[Inventory]:
    """Lock the inventories of a locked variant in key order."""
    records = await conn.fetch(
        f"select {INVENTORIES.select_list('n')} from inventories n where n.variant_id = $1 order by n.id"
        " for no key update",
        variant_id,
    )
    return INVENTORIES.rows(records)
