"""What capture costs per row stays the same, whatever the session did before, and whatever ANALYZE saw."""

import pytest

from tests.app.db.plan_cases_capture import CASES, create_rows
from tests.support.plan_histories import Case, measure, problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_capture_costs_the_same_in_every_history(case: Case) -> None:
    found = await measure(case, create_rows)

    assert problems(case, found) == []
