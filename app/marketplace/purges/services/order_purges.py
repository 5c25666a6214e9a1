"""Erasing the data of buyers from orders and from all that was stored of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Forbidden
from app.kernel.problems import Problems, value_problems
from app.marketplace.orders.db.orders import lock_orders
from app.marketplace.purges.db.order_purges import erase_details, erase_notes, erase_owned, mark_purged


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPurge:
    """The input of `purge_orders`: which parts of the data of which orders."""

    order_ids: Sequence[int]
    purge_order_details: bool = False
    purge_notes: bool = False
    purge_external_ids: bool = False
    purge_metadata: bool = False


async def purge_orders(database: Database, viewer: Viewer, given: OrderPurge) -> None:
    """Erase data of orders for good. Amounts, items and states stay. For the operator.

    Raises:
        Forbidden: The viewer is not the operator.
        InvalidInput: Names each order that does not exist. Nothing is erased then.
    """
    if not viewer.is_operator:
        raise Forbidden("Orders can be purged by the marketplace operator only.")
    problems = value_problems(given)
    if not given.order_ids:
        problems.add("order_ids", "must not be empty")
    if not (given.purge_order_details or given.purge_notes or given.purge_external_ids or given.purge_metadata):
        problems.add("purge_order_details", "say which data is to be erased: at least one must be true")
    problems.check()
    async with transaction(database, actor=viewer.actor) as conn:
        found = await lock_orders(conn, given.order_ids)
        missing = [index for index, order_id in enumerate(given.order_ids) if order_id not in found]
        Problems({f"order_ids.{index}": ["there is no such order"] for index in missing}).check()
        ids = [*found]
        # First, because it also finds what the next statements delete.
        await mark_purged(conn, ids)
        if given.purge_order_details:
            await erase_details(conn, ids)
        if given.purge_notes:
            await erase_notes(conn, ids)
        if given.purge_external_ids:
            await erase_owned(conn, "external_ids", ids)
        if given.purge_metadata:
            await erase_owned(conn, "metadata", ids)
