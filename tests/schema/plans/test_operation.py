"""What plans of operations know: in few statements, and byte for byte what the reference executor gives."""

from typing import Any

import asyncpg
import pytest

from app.auth import OPERATOR, Viewer
from app.db.sellers import SellerId
from tests.builders.difficult_sales import create_difficult_sales
from tests.builders.sales import create_sales
from tests.support.executors import by_plan, by_reference, context_of, fresh_plans

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
      fragment G on InvoiceConnection { totalCount nodes { legacyId } } 
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
