"""An operation by its plan gives what the reference executor gives, byte for byte, whatever is asked."""

import os
from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.auth.viewers import OPERATOR
from tests.schema.market import Market, open_market
from tests.support.api_documents import requests
from tests.support.documents import SEED, number_of
from tests.support.executors import by_plan, by_reference, fresh_plans
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Operations of the usual run.
NUMBER = number_of(600)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[Market]:
    async with open_market(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE], seed=SEED) as opened:
        yield opened


async def test_generated_operations_give_the_same_bytes(market: Market) -> None:
    planned, how = fresh_plans(), Counter[str]()

    # What the reference executor logs of odd data, with tracebacks, takes longer than all the rest.
    with capture_logs() as logs:
        for number, request in enumerate(requests(market.ids, market.cursors, number=NUMBER + NUMBER // 10)):
            both = [*zip((OPERATOR, market.others[number % 3]), request.variables, strict=True)]
            # Now and then both by one plan, with other variables.
            for viewer, variables in both if number % 4 == 0 else both[number % 2 :][:1]:
                expected = await by_reference(market.conn, request.text, variables, viewer)
                given = await by_plan(planned, market.conn, request.text, variables, viewer)
                assert given in (None, expected), (logs[-3:], request, variables, viewer)
                how[_outcome(given, expected)] += 1

    assert how["planned"] >= NUMBER, how
    assert how["planned"] > 0.7 * how.total(), how
    # A seller may not see orders: that is no error while no order is met, but the plan doesn't know.
    assert how["left, without an error"] < 0.03 * how.total(), how


def _outcome(given: bytes | None, expected: bytes) -> str:
    if given is not None:
        return "planned"
    return "left, with an error" if b'"errors":' in expected else "left, without an error"
