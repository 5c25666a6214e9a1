"""Whatever a connection did before, and whatever ANALYZE saw, a statement's cost per row stays the same.

A new statement whose input varies in size is one more entry in tests/app/db/plan_cases*.py.
"""

import pytest

from tests.app.db import plan_cases, plan_cases_publishing
from tests.app.db.plan_rows import create_webhooks
from tests.support.plan_histories import Case, measure, problems

CASES = (*plan_cases.CASES, *plan_cases_publishing.CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_the_queue_costs_the_same_in_every_history(case: Case) -> None:
    found = await measure(case, create_webhooks)

    assert problems(case, found) == []
