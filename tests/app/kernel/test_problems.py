from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from math import nan

import pytest

from app.errors import InvalidInput
from app.kernel.problems import MAX_ITEMS, value_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    quantity: int = 1
    item_amount_cents: int = 1
    tax_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Input:
    lines: tuple[_Line, ...] = ()
    tracking_number: str = "A"
    note: str | None = None
    product_features: tuple[str, ...] = ()
    dispatched_at: datetime = datetime(2030, 1, 1, tzinfo=UTC)


def test_names_each_wrong_value_by_its_path() -> None:
    lines = (_Line(), _Line(quantity=2**31, item_amount_cents=2**63, tax_rate=nan))
    too_early = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))

    problems = value_problems(
        _Input(lines=lines, note="n" * 10_001, product_features=("a", "\x00"), dispatched_at=too_early)
    )

    assert problems == {
        "lines.1.quantity": ["is too large"],
        "lines.1.item_amount_cents": ["is too large"],
        "lines.1.tax_rate": ["must be a finite number"],
        "note": ["must not be longer than 10000 characters"],
        "product_features.1": ["must not contain the NUL character"],
        "dispatched_at": ["is beyond the years 1 to 9999"],
    }
    with pytest.raises(InvalidInput) as caught:
        problems.check()
    assert caught.value.fields == problems


def test_finds_nothing_wrong_at_the_bounds() -> None:
    lines = (_Line(quantity=2**31 - 1, item_amount_cents=2**63 - 1, tax_rate=1e-9),) * MAX_ITEMS
    given = _Input(lines=lines, tracking_number="🦘" * 500, note="n" * 10_000)

    problems = value_problems(given)
    problems.check()

    assert problems == {}


def test_bounds_lists() -> None:
    assert value_problems(_Input(lines=(_Line(),) * (MAX_ITEMS + 1))) == {
        "lines": ["must not have more than 500 entries"]
    }
