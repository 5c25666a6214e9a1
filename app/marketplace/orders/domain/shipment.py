"""Terms and rules of shipments."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from app.kernel.problems import Problems
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag, is_settled, payment_problem
from app.marketplace.orders.domain.order import DeliveryType

#: The placeholder for the tracking number in a carrier's link template.
TRACKING_NUMBER = "{trackingNumber}"
#: A date without a time is read as midnight UTC, and the sender's day may be the one before or after that in UTC.
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedItem:
    """A quantity of a line item in a shipment."""

    line_item_id: int
    quantity: int


def shipping_problems(
    *,
    flags: Collection[InvoiceStatusFlag],
    delivery_type: DeliveryType,
    ordered_at: datetime,
    dispatched_at: datetime,
    now: datetime,
    awaiting: Mapping[int, int],
    packed: Sequence[PackedItem],
) -> Problems:
    """List everything that prevents a shipment.

    Args:
        awaiting: The quantity that awaits dispatch by line item, for all items of the invoice and no other.
    """
    problems = Problems()
    if is_settled(flags):
        problems.add("invoice_id", "is cancelled or refunded: nothing is sent any more")
    elif (unpaid := payment_problem(flags)) is not None:
        problems.add("invoice_id", f"{unpaid}: nothing is sent yet")
    if delivery_type is DeliveryType.NO_DISPATCH:
        problems.add("invoice_id", "needs no dispatch: nothing is sent")
    problems.include(dispatch_problems(dispatched_at, ordered_at=ordered_at, now=now))
    return problems.include(packing_problems(awaiting, packed))


def dispatch_problems(dispatched_at: datetime, *, ordered_at: datetime, now: datetime) -> Problems:
    """Check that a shipment leaves neither before the day of its order nor after today, give or take a day."""
    if dispatched_at.astimezone(UTC).date() < ordered_at.astimezone(UTC).date() - _ONE_DAY:
        return Problems(dispatched_at=[f"must not be before the order, {ordered_at.isoformat()}"])
    if dispatched_at > now + _ONE_DAY:
        return Problems(dispatched_at=["must not be in the future"])
    return Problems()


def packing_problems(awaiting: Mapping[int, int], packed: Sequence[PackedItem]) -> Problems:
    """List the problems of the contents. A line item may be listed twice; its quantities are summed."""
    if not packed:
        return Problems(shipped_items=["must not be empty"])
    problems = Problems()
    taken: Counter[int] = Counter()
    for index, item in enumerate(packed):
        path = f"shipped_items.{index}"
        if item.line_item_id not in awaiting:
            problems.add(f"{path}.line_item_id", "there is no such line item on this invoice")
        elif item.quantity < 1:
            problems.add(f"{path}.quantity", "must be at least 1")
        else:
            left = awaiting[item.line_item_id] - taken[item.line_item_id]
            taken[item.line_item_id] += item.quantity
            if item.quantity > left:
                problems.add(f"{path}.quantity", f"is more than await dispatch: {max(left, 0)}")
    return problems


def returning_problems(left: Mapping[int, int], packed: Sequence[PackedItem]) -> Problems:
    """List the problems of the contents of a parcel on its way back. The contents may be unknown.

    Args:
        left: The quantity that is still to be returned by line item, for all items of the refund request and no
            other.
    """
    problems = Problems()
    taken: Counter[int] = Counter()
    for index, item in enumerate(packed):
        path = f"shipped_items.{index}"
        if item.line_item_id not in left:
            problems.add(f"{path}.line_item_id", "there is no such line item in this refund request")
        elif item.quantity < 1:
            problems.add(f"{path}.quantity", "must be at least 1")
        else:
            available = max(left[item.line_item_id] - taken[item.line_item_id], 0)
            taken[item.line_item_id] += item.quantity
            if item.quantity > available:
                problems.add(f"{path}.quantity", f"is more than are to come back: {available}")
    return problems


def tracking_link(template: str | None, tracking_number: str) -> str | None:
    """Return the carrier's page about a parcel; None if the carrier has no such pages."""
    return template and template.replace(TRACKING_NUMBER, quote(tracking_number, safe=""))
