"""Plans of operations give, in few statements, the same bytes as the reference executor."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.keyset import WHOLE
from app.marketplace.catalogue.db.sellers import SellerId
from schema.engine.statements import listed_rows
from tests.builders.difficult_sales import create_difficult_sales
from tests.builders.owned import create_external_id
from tests.builders.sales import Sale, create_sales
from tests.support.executors import by_plan, by_reference, context_of, fresh_plans
from tests.support.list_cases import ListCase, list_cases, listing_of

NESTED = """
{ invoices(first: 2) { nodes { id statusFlags createdAt order { surname invoices { nodes { id } } }
  lineItems { id totalFormatted variant { advert { __typename ... on Advert { title lowestPrice } } } }
  shipments { shippedItems { lineItem { quantity } } } refundRequests { notes { note } } } } }
"""
#: Everything that an operation may be made of, beside plain pages.
FORMS = {
    "roots": "{ __typename a: invoices { totalCount } b: invoices { totalCount } sellers { nodes { logo { url } } } }",
    "edges": "{ invoices { edges { __typename cursor node { __typename id } } pageInfo { __typename startCursor } } }",
    "only a count": "{ invoices { totalCount } }",
    "backward": "{ invoices(last: 2) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }",
    "no rows": "{ invoices(first: 0) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor } } }",
    "sorted": """{ invoices(sort: {fields: [STATUS, PAID_AT], ordering: DESCENDING})
      { edges { cursor } nodes { id } } }""",
    "filtered": """{ invoices(filters: {statuses: [PAID, SENT], buyerName: "a", createdSince: "2000-01-01T00:00:00Z"})
      { totalCount nodes { id } } }""",
    "union": "{ allAdverts { nodes { __typename ... on Advert { title } ... on DeletedAdvert { legacyId } } } }",
    "nested pages": """{ allAdverts { nodes { ... on Advert { variants(last: 1, displayableOnly: true) { totalCount
      edges { cursor node { sku } } pageInfo { hasPreviousPage } } } } } }""",
    "summary of a list": """{ updatedOrders(updatedSince: "2000-01-01T00:00:00Z")
      { nodes { aggregateInvoiceStatus } } }""",
    "fragments": """{ ...F } fragment F on Query { invoices { ...G nodes { ...H ...H } } }
      fragment G on InvoicesConnection { totalCount nodes { legacyId } } 
      fragment H on Invoice { id ... on Node { id } }""",
    "conditions": "{ invoices { totalCount @skip(if: true) nodes @include(if: true) { id } } }",
    "a link": """{ updatedOrders(updatedSince: "2000-01-01T00:00:00Z") { nodes { shipments { id }
      lineItems(first: 1) { totalCount nodes { id } } } } }""",
}


@pytest.mark.parametrize("form", FORMS)
async def test_form_is_planned(conn: asyncpg.Connection, form: str) -> None:
    await create_difficult_sales(conn)

    expected = await by_reference(conn, FORMS[form])

    assert b'"errors"' not in expected
    assert await by_plan(fresh_plans(), conn, FORMS[form]) == expected


async def test_nodes_of_several_types_keep_their_order(conn: asyncpg.Connection) -> None:
    first, second = await create_sales(conn, 2)
    ids = [one.id_of(kind) for kind in ("variant", "invoice", "variant") for one in (second, first)]
    text = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Variant { label } } }"
    variables = {"ids": [*ids, "SW52b2ljZS05OTk5OTk="]}

    expected = await by_reference(conn, text, variables)

    assert await by_plan(fresh_plans(), conn, text, variables) == expected


async def test_order_is_found_by_its_id(conn: asyncpg.Connection) -> None:
    (sale,) = await create_sales(conn, 1)
    text, variables = "query($id: ID!) { order(orderId: $id) { id surname } }", {"id": sale.id_of("order")}

    expected = await by_reference(conn, text, variables)

    assert await by_plan(fresh_plans(), conn, text, variables) == expected


async def test_page_is_one_statement_and_its_count_another(conn: asyncpg.Connection) -> None:
    await create_sales(conn, 3)
    planned, counted = fresh_plans(), NESTED.replace("nodes", "totalCount nodes", 1)
    for text in (NESTED, counted):
        await by_reference(conn, text)
        assert await by_plan(planned, conn, text) is not None

    contexts = [context_of(conn), context_of(conn)]
    for text, context in zip((NESTED, counted), contexts, strict=True):
        assert await planned.response(text, None, None, context) is not None

    assert [context.reader.statements for context in contexts] == [1, 2]


async def test_error_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    first, *_ = await create_difficult_sales(conn)
    planned, text = fresh_plans(), "query($id: Int) { invoices(filters: {legacyId: $id}) { nodes { totalCents } } }"
    for one in (None, first.invoice.id + 1):
        await by_reference(conn, text, {"id": one})

    overflow = await by_plan(planned, conn, text, {"id": first.invoice.id})
    other = await by_plan(planned, conn, text, {"id": first.invoice.id + 1})

    assert overflow is None
    assert other == await by_reference(conn, text, {"id": first.invoice.id + 1})
    assert b"INT_OVERFLOW" in await by_reference(conn, text, {"id": first.invoice.id})
    assert planned.counts["bailed_out"] > 0


async def test_arguments_follow_the_variables(conn: asyncpg.Connection) -> None:
    await create_difficult_sales(conn)
    planned = fresh_plans()
    text = """query($sort: InvoiceSort, $first: Int = 2, $currency: String) { invoices(sort: $sort, first: $first) {
      edges { cursor node { legacyId shippingCostFormatted(currency: $currency) } } } }"""
    given: list[dict[str, Any]] = [
        {},
        {"first": 1},
        {"sort": {"ordering": "DESCENDING"}},
        {"sort": {"fields": ["STATUS"]}, "currency": None},
    ]

    for variables in given:
        expected = await by_reference(conn, text, variables)
        assert b'"errors"' not in expected
        assert await by_plan(planned, conn, text, variables) == expected
    assert await by_plan(planned, conn, text, {"currency": "EUR"}) is None


async def test_viewers_share_a_plan_and_nothing_else(conn: asyncpg.Connection) -> None:
    sales = await create_sales(conn, 3)
    planned, text = fresh_plans(), "{ invoices { totalCount nodes { id seller { id } lineItems { id } } } }"
    viewers = [OPERATOR, *(Viewer(SellerId(sale.seller.id)) for sale in sales)]
    expected = [await by_reference(conn, text, viewer=viewer) for viewer in viewers]

    for _ in range(2):
        assert [await by_plan(planned, conn, text, viewer=viewer) for viewer in viewers] == expected

    assert len(set(expected)) == 4


@pytest.mark.parametrize("case", [*list_cases(OPERATOR)], ids=str)
def test_what_the_operator_asks_for_does_not_depend_on_the_key(case: ListCase) -> None:
    table = listing_of(case.name).target
    without_scopes = Viewer(None, frozenset())

    # The plan keeps the statement for all of the operator's keys.
    assert listed_rows(table, without_scopes, case.query(without_scopes), WHOLE) == listed_rows(
        table, OPERATOR, case.query(OPERATOR), WHOLE
    )


OWNERS = """
{ externalIds { __typename id value owner { __typename id same: id ... on Order { invoices(first: 1) { totalCount } }
  ... on Invoice { order { surname } lineItems { quantity externalIds { owner { id } } } }
  ... on Advert { title seller { businessName } } } } }
"""


async def _name_everything(conn: asyncpg.Connection) -> Sequence[Sale]:
    """Sales of two sellers; an external id for each row that may have one, some of them deleted."""
    sales = await create_difficult_sales(conn)
    for sale in sales:
        for row in (sale.order, sale.invoice, sale.shipment, sale.refund_request, sale.advert, sale.variant):
            await create_external_id(conn, type(row).__name__, row.id, value=f"{type(row).__name__} {row.id}")
    return sales


async def test_owners_of_several_types_are_planned(conn: asyncpg.Connection) -> None:
    sales = await _name_everything(conn)
    planned, sellers = fresh_plans(), [Viewer(SellerId(sale.seller.id)) for sale in sales[:2]]
    context = context_of(conn)

    expected = {viewer: await by_reference(conn, OWNERS, viewer=viewer) for viewer in (OPERATOR, *sellers)}
    given = await by_plan(planned, conn, OWNERS)
    await planned.response(OWNERS, None, None, context)

    assert given == expected[OPERATOR]
    assert given.count(b'"owner":{"__typename"') == 24
    assert context.reader.statements == 1
    # It asks for an order below: that, and not an owner that may be one, is what is forbidden.
    text = OWNERS.replace("order { surname }", "")
    for viewer in sellers:
        own = await by_reference(conn, text, viewer=viewer)
        assert await by_plan(planned, conn, text, viewer=viewer) == own
        assert own.count(b'"Invoice ') > 0
        assert b'"Order ' not in own


async def test_owner_that_is_gone_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    await create_external_id(conn, "Invoice", 10**9)
    planned, text = fresh_plans(), "{ externalIds { id owner { id } } }"

    expected = await by_reference(conn, text)

    assert b'"errors"' in expected
    assert await by_plan(planned, conn, text) is None


async def test_list_that_is_too_long_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    sale, planned = (await create_sales(conn, 1))[0], fresh_plans()
    text = "query($values: [String!]) { externalIds(values: $values) { value } }"
    values = [str(number) for number in range(251)]
    await conn.executemany(
        "insert into external_ids (owner_type, owner_id, key, value) values ('Invoice', $1, $2, $3)",
        [(sale.invoice.id, f"{value}-{times}", value) for value in values for times in range(2)],
    )

    too_many = await by_reference(conn, text, {"values": values})
    fitting = await by_reference(conn, text, {"values": values[1:]})

    assert b"TOO_MANY" in too_many
    assert await by_plan(planned, conn, text, {"values": values[1:]}) == fitting
    assert await by_plan(planned, conn, text, {"values": values}) is None
