import pytest

from app.marketplace.orders.domain.invoice import InvoiceStatus, aggregate_invoice_status


@pytest.mark.parametrize(
    ("statuses", "aggregate"),
    [
        ("", None),
        ("PAID PAID", "PAID"),
        ("PAID AWAITING_PAYMENT", "AWAITING_PAYMENT"),
        ("SENT PAID", "PARTIALLY_SENT"),
        ("COLLECTED SENT", "SENT"),
        ("SENT CANCELLED", "SENT"),
        ("REFUNDED CANCELLED", "REFUNDED"),
        ("CANCELLED", "CANCELLED"),
    ],
)
def test_least_advanced_open_invoice_stands_for_all(statuses: str, aggregate: str | None) -> None:
    found = aggregate_invoice_status([InvoiceStatus(status) for status in statuses.split()])

    assert found == aggregate
