"""Rules for the lines of an invoice's amendment, and its amounts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.kernel.problems import BIGINT_MAX, Problems
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.refunds.domain.claims import Refundable, claim_problems


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
    return claim_problems(lines, left, _line_amount_problems)


def _line_amount_problems(line: AmendmentLine, path: str) -> Problems:
    problems = Problems()
    if line.line_item_id is None and line.custom is not None and line.amount_cents is None:
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
