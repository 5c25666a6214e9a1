"""A page of every root list of the marketplace is found by indexes, by whatever it is filtered and ordered.

TELLGRAPH_LONG_HISTORY=1 does the same over 200,000 invoices, and prints what each page reads.
"""

import sys
from collections.abc import Iterator

import asyncpg
from graphql import GraphQLEnumType, GraphQLInputObjectType, get_named_type

from app.auth.viewers import OPERATOR
from schema.entities.declarations import Listing
from schema.entities.declared import declaration_of
from tests.builders.large_marketplace import create_large_marketplace
from tests.schema.walk import GRAPH, filters_of, listed
from tests.support.list_cases import GIVEN, LARGE, LINEAR, SMALL, ListCase, buffers_of, list_cases
from tests.support.watched import IS_LONG, MeasuredConnection

INVOICES = 200_000 if IS_LONG else 20_000
#: PostgreSQL's buffers for a page of 50.
MOST_BUFFERS = 200
#: Root lists of webhooks and of the audit, which test_history_plans.py, test_webhook_list_plans.py and
#: test_audit_entries.py look at.
ELSEWHERE = {"webhooks", "webhookEvents", "deliveryAttempts", "operationalEvents", "auditEntries", "apiKeys"}


async def test_a_page_of_each_list_reads_few_buffers(database_url: str) -> None:
    conn = await asyncpg.connect(database_url, connection_class=MeasuredConnection)
    await create_large_marketplace(conn, invoices=INVOICES)
    # As the API's own connections.
    await conn.execute("set jit = off; set random_page_cost = 1.1; set timezone = 'UTC'")
    too_many = []

    for case in list_cases(OPERATOR, LARGE, SMALL):
        cursor = None if case.viewer is SMALL else await case.cursor(conn)
        for page in ("first: 50", *([f'first: 50, after: "{cursor}"'] if cursor else [])):
            read, plan = await buffers_of(conn, case, case.document(page))
            if IS_LONG:
                sys.stdout.write(f"{read}\t{case}\t{page}\n")
            if read > MOST_BUFFERS and not case.is_linear:
                too_many.append(f"{read} {case} {page}\n{plan}")
    await conn.close()

    assert too_many == [], "\n\n".join(too_many)


def test_every_filter_and_order_of_every_list_is_a_case() -> None:
    names = {
        name
        for name, field in GRAPH.query_type.fields.items()  # type: ignore[union-attr]  # the schema has queries
        if isinstance(declared := declaration_of(field), Listing) and not declared.is_whole
    }
    missing = []
    for name in sorted(names - ELSEWHERE):
        cases = [ListCase(name=name, given=given, viewer=OPERATOR) for given in GIVEN[name]]
        paths = {path for case in cases for path in case.paths}
        missing += [f"{name} {path}" for path, _ in filters_of(listed(name)[0]) if path not in paths]
        missing += [f"{name} {sort}" for sort in _sorts(name) if not any(sort in case.given for case in cases)]

    assert missing == []
    assert names == set(GIVEN) | ELSEWHERE
    # What is gone is no exception any more.
    assert [one for one in LINEAR if not any(one.matches(case) for case in list_cases(OPERATOR, LARGE))] == []


def _sorts(name: str) -> Iterator[str]:
    """List the orders that a list can be asked for, as the cases write them."""
    sort = listed(name)[0].args.get("sort")
    if sort is None:
        return
    given = get_named_type(sort.type)
    assert isinstance(given, GraphQLInputObjectType)
    fields, directions = (get_named_type(given.fields[one].type) for one in ("fields", "ordering"))
    assert isinstance(fields, GraphQLEnumType)
    assert isinstance(directions, GraphQLEnumType)
    yield from (f"fields: [{one}], ordering: {direction}" for one in fields.values for direction in directions.values)
