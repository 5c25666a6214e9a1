"""The items of an order in the stock of their variants: taken by a purchase, given back when it is abandoned."""

from app.db.pool import Connection
from app.marketplace.orders.db.orders import OrderId

#: The lines of an order, with the items that are neither sent nor cancelled. Its invoices are locked.
_LINES = (
    "select l.id, l.variant_id, l.stock_quantity, case i.delivery_type when 'NO_DISPATCH' then l.quantity_returnable"
    " else l.quantity_awaiting_dispatch end as open_quantity"
    " from line_items l join invoices i on i.id = l.invoice_id where i.order_id = $1"
)


#: The variants of an order, and their adverts.
_VARIANTS = "select l.variant_id from line_items l join invoices i on i.id = l.invoice_id where i.order_id = $1"
_ADVERTS = f"select v.advert_id from variants v where v.id in ({_VARIANTS})"


async def release_items(conn: Connection, order_id: OrderId) -> None:
    """Give the open items of an order back to the stock, as far as they were taken from it."""
    await _lock_variants(conn, order_id)
    await conn.execute(
        "with released as (update line_items t set stock_quantity = t.stock_quantity - r.quantity, updated_at = now()"
        f" from (select l.id, least(l.stock_quantity, l.open_quantity) as quantity from ({_LINES}) l) r"
        " where t.id = r.id and r.quantity > 0 returning t.variant_id, r.quantity)"
        " update variants v set count_on_hand = v.count_on_hand + s.quantity, updated_at = now()"
        " from (select variant_id, sum(quantity) as quantity from released group by 1) s"
        " where v.id = s.variant_id and not v.has_infinite_quantity",
        order_id,
    )
    await _touch_adverts(conn, order_id)


async def reserve_items(conn: Connection, order_id: OrderId) -> list[str]:
    """Take the open items of an order from the stock, as far as they are not taken yet.

    Returns:
        The labels of the variants of which too few are left. If there are any, nothing is taken.
    """
    await _lock_variants(conn, order_id)
    needed = (
        "select l.id, l.variant_id, l.open_quantity - l.stock_quantity as quantity, v.label,"
        " case when v.deleted_at is null then v.count_on_hand else 0 end as count_on_hand"
        f" from ({_LINES}) l join variants v on v.id = l.variant_id"
        " where not v.has_infinite_quantity and l.open_quantity > l.stock_quantity"
    )
    short = await conn.fetch(
        f"select n.label from ({needed}) n group by n.variant_id, n.label, n.count_on_hand"
        " having sum(n.quantity) > n.count_on_hand order by n.variant_id",
        order_id,
    )
    if not short:
        await conn.execute(
            "with reserved as (update line_items t set stock_quantity = t.stock_quantity + n.quantity,"
            f" updated_at = now() from ({needed}) n where t.id = n.id returning t.variant_id, n.quantity)"
            " update variants v set count_on_hand = v.count_on_hand - s.quantity, updated_at = now()"
            " from (select variant_id, sum(quantity) as quantity from reserved group by 1) s where v.id = s.variant_id",
            order_id,
        )
        await _touch_adverts(conn, order_id)
    return [record["label"] for record in short]


async def _lock_variants(conn: Connection, order_id: OrderId) -> None:
    """Lock the variants of an order after their adverts, in key order, as purchases do."""
    await conn.execute(f"select from adverts a where a.id in ({_ADVERTS}) order by a.id for no key update", order_id)
    await conn.execute(f"select from variants v where v.id in ({_VARIANTS}) order by v.id for no key update", order_id)


async def _touch_adverts(conn: Connection, order_id: OrderId) -> None:
    """Set `updated_at` of the adverts whose variants' stock has changed. It records no change event."""
    await conn.execute(
        f"update adverts a set updated_at = now() where a.id in ({_ADVERTS}) and exists"
        " (select from variants v where v.advert_id = a.id and v.updated_at = now())",
        order_id,
    )
