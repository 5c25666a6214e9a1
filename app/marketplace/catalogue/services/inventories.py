"""Inventories: changing the stock of each seller of a variant."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, update_row
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, value_problems
from app.marketplace.catalogue.db.inventories import INVENTORIES, Inventory, lock_inventories
from app.marketplace.catalogue.db.sellers import SellerId, find_seller_ids
from app.marketplace.catalogue.db.variants import Variant, VariantId, lock_variant, touch_variants
from app.marketplace.catalogue.domain.stock import check_expected_stock
from app.marketplace.catalogue.services.variants import lock_in_advert


@dataclass(frozen=True, slots=True, kw_only=True)
class InventoryState:
    """A seller's stock. An absent value stays as it is.

    Args:
        seller_id: None for the variant's own seller.
        price_cents: In the variant's currency. None clears it.
        expected_count_on_hand: The stock that the caller knows; with another one, nothing is changed. None or absent
            is no condition.
    """

    seller_id: SellerId | None = None
    count_on_hand: int | Absent | None = ABSENT
    infinite_quantity: bool | Absent | None = ABSENT
    price_cents: int | Absent | None = ABSENT
    expected_count_on_hand: int | Absent | None = ABSENT


async def update_inventories(
    database: Database, viewer: Viewer, variant_id: VariantId, states: Sequence[InventoryState]
) -> Variant:
    """Set the stock of sellers of a variant. Sellers that are not listed keep theirs.

    For the operator and the variant's seller.

    Raises:
        NotFound: There is no such variant for this viewer.
        InvalidInput: Names everything that is wrong.
        Conflict: A stock is not the expected one.
    """
    problems = Problems()
    for index, state in enumerate(states):
        problems.include(value_problems(state, f"inventories.{index}")).include(_problems(index, state))
    problems.check()
    async with transaction(database, actor=viewer.actor) as conn:
        variant = await lock_in_advert(conn, viewer, variant_id)
        sellers = [variant.seller_id if state.seller_id is None else state.seller_id for state in states]
        (await _seller_problems(conn, viewer, sellers)).check()
        known = {inventory.seller_id: inventory for inventory in await lock_inventories(conn, variant.id)}
        check_expected_stock(
            {
                f"inventories.{index}": (state.expected_count_on_hand, _count(variant, known.get(seller_id), seller_id))
                for index, (seller_id, state) in enumerate(zip(sellers, states, strict=True))
            }
        )
        for seller_id, state in zip(sellers, states, strict=True):
            await _save(conn, variant, seller_id, known.get(seller_id), _columns(state))
        await touch_variants(conn, [variant.id])
        return await lock_variant(conn, variant.id, seller_id=viewer.seller_id)


def _problems(index: int, state: InventoryState) -> Problems:
    problems = Problems()
    if isinstance(state.count_on_hand, int) and state.count_on_hand < 0:
        problems.add(f"inventories.{index}.count_on_hand", "must not be negative")
    if isinstance(state.price_cents, int) and state.price_cents < 0:
        problems.add(f"inventories.{index}.price_cents", "must not be negative")
    if state.count_on_hand is None:
        problems.add(f"inventories.{index}.count_on_hand", "can't be null")
    if state.infinite_quantity is None:
        problems.add(f"inventories.{index}.infinite_quantity", "can't be null")
    return problems


async def _seller_problems(conn: Connection, viewer: Viewer, sellers: Sequence[SellerId]) -> Problems:
    """Check that each seller is listed once and exists. A seller may only name itself."""
    known = await find_seller_ids(conn, sellers) if sellers else set()
    problems = Problems()
    for index, seller_id in enumerate(sellers):
        if seller_id not in known or viewer.seller_id not in (None, seller_id):
            problems.add(f"inventories.{index}.seller_id", "there is no such seller")
        elif seller_id in sellers[:index]:
            problems.add(f"inventories.{index}.seller_id", "is listed twice")
    return problems


def _columns(state: InventoryState) -> dict[str, Any]:
    sent = sent_values(state)
    del sent["seller_id"]
    sent.pop("expected_count_on_hand", None)
    return {"has_infinite_quantity" if name == "infinite_quantity" else name: sent[name] for name in sent}


def _count(variant: Variant, inventory: Inventory | None, seller_id: SellerId) -> int:
    """Return the stock of a seller, which may have no inventory yet."""
    if inventory is not None:
        return inventory.count_on_hand
    return variant.count_on_hand if seller_id == variant.seller_id else 0


async def _save(
    conn: Connection, variant: Variant, seller_id: SellerId, before: Inventory | None, columns: dict[str, Any]
) -> None:
    if before is None:
        new = {"variant_id": variant.id, "seller_id": seller_id, "currency": variant.currency}
        if seller_id == variant.seller_id:
            new |= {"count_on_hand": variant.count_on_hand, "has_infinite_quantity": variant.has_infinite_quantity}
        await insert_row(conn, INVENTORIES, **{**new, **columns})
    elif differing := {name: value for name, value in columns.items() if value != getattr(before, name)}:
        await update_row(conn, INVENTORIES, before.id, differing)
