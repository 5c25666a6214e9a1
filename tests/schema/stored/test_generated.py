"""A stored query by its plan gives what the reference executor gives, byte for byte, whatever it selects."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from app.auth.viewers import OPERATOR, Viewer
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.webhook_klasses import is_operators_only
from schema import schema
from schema.engine.context import Context
from schema.engine.reader import Reader
from schema.entities import global_ids
from schema.stored.execute import execute_stored_query
from schema.stored.plan import plan_of
from schema.stored.validate import StoredQuery
from tests.schema.market import Market, open_market
from tests.support.api_documents import stored_queries
from tests.support.documents import SEED, number_of
from tests.support.platform import settings_for
from tests.support.servers import DATABASE_VARIABLE, TEMPLATE_VARIABLE

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: Why a query has no plan whose fragments and lists expand to more code than a plan may have.
TOO_LARGE = "it is too large"
#: Queries of each type in the usual run.
NUMBER = number_of(100)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def market() -> AsyncIterator[Market]:
    async with open_market(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE], seed=SEED) as opened:
        yield opened


async def _executed(conn: asyncpg.Connection, query: StoredQuery, viewer: Viewer, ids: Sequence[int]) -> list[bytes]:
    context = Context.for_rendering(Reader(conn), viewer, settings_for("postgresql://unused"))
    return list(await asyncio.gather(*(execute_stored_query(schema, query, one, context) for one in ids)))


@pytest.mark.parametrize("klass", WebhookKlass)
async def test_generated_queries_give_the_same_bytes(market: Market, klass: WebhookKlass) -> None:
    how = Counter[str]()
    known = [global_ids.key_of(one, klass.entity_type, field="id") for one in market.ids[klass.entity_type]]

    # What the reference executor logs of odd data, with tracebacks, takes longer than all the rest.
    with capture_logs() as logs:
        for number, query in enumerate(stored_queries(klass, market.ids, market.cursors, number=NUMBER)):
            viewer = OPERATOR if is_operators_only(klass) else (OPERATOR, *market.others[:2])[number % 3]
            ids = [known[(number * 3 + place) % len(known)] for place in range(3)]
            plan = plan_of(schema._schema, query)
            if plan is None:
                # A page that can't be: `first` with `last`, too large a one, a cursor of nothing.
                reason = logs[-1]["reason"]
                assert "last: 501" in query.text or "cursor" in reason or reason == TOO_LARGE, (reason, query.text)
                continue
            given = await plan.render(Reader(market.conn), viewer, ids) if plan.serves(viewer) else {}
            for one, expected in zip(ids, await _executed(market.conn, query, viewer, ids), strict=True):
                assert given.get(one, expected) == expected, (query.text, viewer, one)
                how[_outcome(given.get(one), expected)] += 1
            how["queries"] += bool(given)

    assert how["queries"] > 0.6 * NUMBER, how


def _outcome(given: bytes | None, expected: bytes) -> str:
    if given is not None:
        return "planned"
    return "left, with an error" if b'"errors":' in expected else "left, without an error"
