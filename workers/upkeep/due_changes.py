"""Changes of the marketplace that time brings about: sales begin and end, unpaid orders are abandoned.

Each is a change of a row like any other, so that webhooks are told.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from app.db.pool import Connection, transaction
from app.marketplace.catalogue.db.adverts import follow_seller
from app.marketplace.catalogue.db.variants import change_due_sales
from app.marketplace.orders.services.order_updates import abandon_order
from workers.resources import Resources

_log = structlog.get_logger()
#: Rows of a transaction, so that nobody waits long for one of them.
STEP: Final = 500
#: Rows of each kind in one sweep, which must not keep the rest of it waiting. The next one goes on.
MAX_ROWS: Final = 20_000
#: A step costs about as much as so many rows.
_STEP_ROWS: Final = 20


async def make_due_changes(resources: Resources) -> None:
    """Begin and end sales, let adverts follow their sellers, and abandon unpaid orders."""
    await _in_steps(resources, "sweep.sales_changed", lambda conn: change_due_sales(conn, limit=STEP))
    await _in_steps(resources, "sweep.adverts_followed", lambda conn: follow_seller(conn, limit=STEP))
    await _abandon_orders(resources)


async def _in_steps(resources: Resources, event: str, step: Callable[[Connection], Awaitable[int | None]]) -> None:
    """Make steps, each in a transaction, until one finds nothing to do."""
    rows = 0
    while rows < MAX_ROWS and not resources.stopping.is_set():
        async with transaction(resources.database) as conn:
            changed = await step(conn)
        if changed is None:
            return
        rows += changed + _STEP_ROWS
        _log.info(event, rows=changed)


async def _abandon_orders(resources: Resources) -> None:
    after_s = resources.settings.abandon_orders_after_s
    for _ in range(STEP if after_s else 0):
        if resources.stopping.is_set():
            return
        order_id = await abandon_order(resources.database, after_s=after_s)
        if order_id is None:
            return
        _log.info("sweep.order_abandoned", order_id=order_id)
