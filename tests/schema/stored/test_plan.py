"""A plan gives what the reference executor gives, byte for byte; what it does not know it leaves alone."""

import asyncio
from collections.abc import Sequence

import asyncpg

from app.auth.viewers import OPERATOR, Viewer
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.reader import Reader
from schema.stored.execute import execute_stored_query
from schema.stored.plan import plan_of
from schema.stored.validate import StoredQuery, stored_query
from tests.builders.difficult_sales import create_difficult_sales
from tests.builders.sales import create_sale, create_sales
from tests.support.platform import settings_for

NESTED = """
query($id: ID!) { node(id: $id) { __typename ...Parts ... on Invoice { statusFlags total: totalFormatted
  order { firstName invoices(last: 1) { totalCount edges { cursor node { legacyId } } nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } } }
fragment Parts on Invoice { id seller { businessName } lineItems { quantity variant { advert { __typename
  ... on Advert { title } ... on UnpublishedAdvert { details { title } } ... on DeletedAdvert { legacyId } } } }
  shipments { shippedItems { lineItem { totalCents } } } refundRequests { notes { note } } }
"""


async def _both(
    conn: asyncpg.Connection, query: StoredQuery, viewer: Viewer, ids: Sequence[int]
) -> tuple[dict[int, bytes] | None, dict[int, bytes], int]:
    """Rendered by the plan (None: there is none for this viewer), by the reference, and the plan's statements."""
    plan, reader = plan_of(schema._schema, query), Reader(conn)
    planned = await plan.render(reader, viewer, ids) if plan is not None and plan.serves(viewer) else None
    context = Context.for_rendering(Reader(conn), viewer, settings_for("postgresql://unused"))
    bodies = await asyncio.gather(*(execute_stored_query(schema, query, entity_id, context) for entity_id in ids))
    return planned, dict(zip(ids, bodies, strict=True)), reader.statements


async def test_plan_equals_the_reference_executor(conn: asyncpg.Connection) -> None:
    sales = await create_difficult_sales(conn)
    query = stored_query(schema._schema, NESTED, WebhookKlass.INVOICE)
    ids = [sale.invoice.id for sale in sales] + [10**9]

    planned, expected, _ = await _both(conn, query, OPERATOR, ids)

    assert planned == expected


async def test_an_error_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    first, second, *_ = await create_difficult_sales(conn)
    text = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"
    query = stored_query(schema._schema, text, WebhookKlass.INVOICE)

    planned, expected, _ = await _both(conn, query, OPERATOR, [first.invoice.id, second.invoice.id])

    # The first one's total does not fit GraphQL's Int: an error with a path.
    assert planned == {second.invoice.id: expected[second.invoice.id]}
    assert b"INT_OVERFLOW" in expected[first.invoice.id]


async def test_a_seller_gets_no_plan_for_what_is_forbidden_to_it(conn: asyncpg.Connection) -> None:
    sale = await create_sale(conn)
    query = stored_query(schema._schema, NESTED, WebhookKlass.INVOICE)

    planned, expected, _ = await _both(conn, query, Viewer(sale.seller.id), [sale.invoice.id])

    assert planned is None
    assert b"FORBIDDEN" in expected[sale.invoice.id]


async def test_statements_do_not_grow_with_the_batch(conn: asyncpg.Connection) -> None:
    sales = await create_sales(conn, 30)
    query = stored_query(schema._schema, NESTED, WebhookKlass.INVOICE)
    ids = [sale.invoice.id for sale in sales]

    _, _, for_three = await _both(conn, query, OPERATOR, ids[:3])
    _, _, for_thirty = await _both(conn, query, OPERATOR, ids)

    assert for_three == for_thirty
