from datetime import UTC, datetime, timedelta

import pytest

from app.marketplace.catalogue.domain.stock import price_now

NOW = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("price", "sale", "start", "end", "expected"),
    [
        (1000, None, None, None, 1000),
        (1000, 800, None, None, 800),
        (1000, 800, NOW, None, 800),
        (1000, 800, NOW + HOUR, None, 1000),
        (1000, 800, None, NOW, 1000),
        (1000, 800, NOW - HOUR, NOW + HOUR, 800),
        (1000, 0, None, None, 0),
        (1000, 1200, None, None, 1000),
        (None, 800, None, None, 800),
        (None, None, None, None, None),
    ],
)
def test_the_sale_price_counts_while_the_sale_runs(
    price: int | None,
    sale: int | None,
    start: datetime | None,
    end: datetime | None,
    expected: int | None,
) -> None:
    found = price_now(price_cents=price, sale_price_cents=sale, sale_start_at=start, sale_end_at=end, now=NOW)

    assert found == expected
