"""Rules for the lines of an invoice's amendment, and its amounts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.kernel.problems import BIGINT_MAX, Problems, blank_problems
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.refunds.domain.refund_request import Refundable


@dataclass(frozen=True, slots=True, kw_only=True)
class AmendmentLine:
    """One line of an amendment: a quantity of a line item, or a custom amount.

    Args:
        amount_cents: The change of the invoice for one: negative if the buyer gets it back, positive if the buyer
            pays it. None takes the line item's share of the payment.
        is_dispatched: Whether the items had been sent. None: REFUNDED ones had, CANCELLED ones had not.
    """

    quantity: int
    status: InvoiceAmendmentLineItemStatus
    line_item_id: int | None = None
    custom: str | None = None
    amount_cents: int | None = None
    dispatched: bool | None = None

    @property
    def is_dispatched(self) -> bool:
        if self.line_item_id is None:
            return bool(self.dispatched)
        if self.dispatched is None:
            return self.status is InvoiceAmendmentLineItemStatus.REFUNDED
        return self.dispatched


def amendment_problems(lines: Sequence[AmendmentLine], left: Mapping[int, Refundable]) -> Problems:
    """List everything that prevents these lines from being an amendment.

    Args:
        left: The quantities of every line item of the invoice and no other, less those that open refund lines
            claim.
    """
    if not lines:
        return Problems(line_items=["must not be empty"])
    problems = Problems()
    taken: Counter[tuple[int, bool]] = Counter()
    for index, line in enumerate(lines):
        path = f"line_items.{index}"
        problems.include(_form_problems(line, path))
        if line.line_item_id is None or line.quantity < 1:
            continue
        if line.line_item_id not in left:
            problems.add(f"{path}.line_item_id", "there is no such line item on this invoice")
            continue
        part = left[line.line_item_id]
        key = line.line_item_id, line.is_dispatched
        available = max((part.returnable if line.is_dispatched else part.awaiting_dispatch) - taken[key], 0)
        taken[key] += line.quantity
        if line.quantity > available:
            what = "can be returned" if line.is_dispatched else "await dispatch"
            problems.add(f"{path}.quantity", f"is more than {what}: {available}")
    return problems


def _form_problems(line: AmendmentLine, path: str) -> Problems:
    """List the problems of a line that do not depend on the invoice."""
    problems = Problems()
    if line.quantity < 1:
        problems.add(f"{path}.quantity", "must be at least 1")
    if (line.line_item_id is None) == (line.custom is None):
        problems.add(path, "must be either about a line item or custom")
    elif line.custom is not None:
        problems.include(blank_problems({f"{path}.custom": line.custom}))
        if line.amount_cents is None:
            problems.add(f"{path}.amount_cents", "is required for a custom line")
    if line.amount_cents is not None and abs(line.amount_cents * line.quantity) > BIGINT_MAX:
        problems.add(f"{path}.amount_cents", "comes to an amount that is too large")
    return problems


def amount_problems(refund_cents: int, *, invoice_left_cents: int) -> Problems:
    """Check that the invoice's total does not become negative."""
    if abs(refund_cents) > BIGINT_MAX or abs(invoice_left_cents - refund_cents) > BIGINT_MAX:
        return Problems(line_items=["come to an amount that is too large"])
    if refund_cents > max(invoice_left_cents, 0):
        return Problems(line_items=[f"come to more than is left of the invoice: {max(invoice_left_cents, 0)}"])
    return Problems()
