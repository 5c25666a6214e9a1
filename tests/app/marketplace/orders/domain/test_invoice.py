import pytest

from app.marketplace.orders.domain.invoice import (
    InvoiceStatusFlag,
    flags_after_refund,
    flags_after_shipping,
    is_settled,
)
from app.marketplace.orders.domain.order import LineItemStatus
from app.marketplace.refunds.domain.refund_request import RefundStage

PAID, SENT, PARTIALLY_SENT = InvoiceStatusFlag.PAID, InvoiceStatusFlag.SENT, InvoiceStatusFlag.PARTIALLY_SENT
REFUNDED, CANCELLED = InvoiceStatusFlag.REFUNDED, InvoiceStatusFlag.CANCELLED
AWAITING_RETURN, AWAITING_REFUND = InvoiceStatusFlag.AWAITING_RETURN, InvoiceStatusFlag.AWAITING_REFUND


@pytest.mark.parametrize("flag", InvoiceStatusFlag)
def test_only_refunded_and_cancelled_invoices_are_settled(flag: InvoiceStatusFlag) -> None:
    assert is_settled([PAID, flag]) is (flag in (REFUNDED, CANCELLED))


@pytest.mark.parametrize(
    ("flags", "awaiting", "expected"),
    [
        ([PAID], [0, 1], (PAID, PARTIALLY_SENT)),
        ([PAID, PARTIALLY_SENT], [1], (PAID, PARTIALLY_SENT)),
        ([PARTIALLY_SENT, PAID], [0, 0], (PAID, SENT)),
        ([AWAITING_RETURN], [0], (SENT, AWAITING_RETURN)),
    ],
)
def test_sent_replaces_partially_sent(
    flags: list[InvoiceStatusFlag], awaiting: list[int], expected: tuple[InvoiceStatusFlag, ...]
) -> None:
    assert flags_after_shipping(flags, awaiting=awaiting) == expected


@pytest.mark.parametrize(
    ("flags", "refund_lines", "line_items", "awaiting", "expected"),
    [
        ([PAID], ["PENDING_APPROVAL"], ["NEW"], [1], (PAID,)),
        ([PAID], ["AWAITING_RETURN", "REFUND_ACCEPTED"], ["NEW"], [1], (PAID, AWAITING_RETURN, AWAITING_REFUND)),
        ([PAID, AWAITING_RETURN], ["RETURNED"], ["NEW"], [0], (PAID, AWAITING_REFUND)),
        ([PAID, AWAITING_RETURN, AWAITING_REFUND], ["REFUNDED", "REFUND_DENIED"], ["NEW"], [1], (PAID,)),
        ([PAID], ["REFUNDED"], ["CANCELLED", "CANCELLED"], [0, 0], (PAID, CANCELLED)),
        ([PAID, SENT], ["REFUNDED"], ["REFUNDED", "CANCELLED"], [0, 0], (PAID, SENT, REFUNDED)),
        ([PAID, SENT], ["REFUNDED"], ["REFUNDED", "ALLOCATED"], [0, 0], (PAID, SENT)),
        ([PAID, PARTIALLY_SENT], ["REFUNDED"], ["CANCELLED", "ALLOCATED"], [0, 0], (PAID, SENT)),
        ([PAID, PARTIALLY_SENT], ["REFUNDED"], ["CANCELLED", "ALLOCATED"], [0, 1], (PAID, PARTIALLY_SENT)),
        ([PAID], ["REFUNDED"], [], [], (PAID,)),
    ],
)
def test_flags_follow_refund_lines_and_items(
    flags: list[InvoiceStatusFlag],
    refund_lines: list[str],
    line_items: list[str],
    awaiting: list[int],
    expected: tuple[InvoiceStatusFlag, ...],
) -> None:
    found = flags_after_refund(
        flags,
        refund_lines=[RefundStage(line) for line in refund_lines],
        line_items=[LineItemStatus(item) for item in line_items],
        awaiting=awaiting,
    )

    assert found == expected
