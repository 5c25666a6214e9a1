"""Whatever a connection did before, and whatever ANALYZE saw, a statement's cost per row stays the same.

A new statement whose input varies in size is one more entry in tests/app/db/plan_cases*.py.
"""

import pytest

from tests.app.db.plan_cases import CASES
from tests.support.plan_histories import SIZES, Case, measure, problems


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_a_statement_costs_the_same_in_every_history(case: Case, size: int) -> None:
    found = await measure(case, size)

    assert problems(case, found, size) == []
