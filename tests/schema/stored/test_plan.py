"""A plan gives what the reference executor gives, byte for byte; what it does not know it leaves alone."""

import asyncio
import os
from collections.abc import Sequence

import asyncpg
import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SchemaDefinitionNode,
    build_ast_schema,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, given, settings
from hypothesis_graphql import queries

from app.auth import OPERATOR, Viewer
from app.domain.webhook import WebhookKlass
from app.errors import InvalidInput
from schema import schema
from schema.context import Context, Reader
from schema.loaders import Loaders
from schema.stored.execute import execute_stored_query
from schema.stored.plan import plan_of
from schema.stored.validate import StoredQuery, stored_query
from tests.builders.sales import Sale, create_sale, create_sales
from tests.support.platform import settings_for

#: Documents per type and run; the nightly mode takes more.
EXAMPLES = int(os.environ.get("TELLGRAPH_PLAN_EXAMPLES", "60"))

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
    fresh = Reader(conn)
    context = Context(
        viewer=viewer, reader=fresh, loaders=Loaders(fresh, viewer), settings=settings_for("unused"), sees_deleted=True
    )
    bodies = await asyncio.gather(*(execute_stored_query(query, entity_id, context) for entity_id in ids))
    return planned, dict(zip(ids, bodies, strict=True)), reader.statements


async def _difficult_sales(conn: asyncpg.Connection) -> list[Sale]:
    """Sales with nulls, unicode, amounts beyond 32 bits, deleted and unpublished adverts, another seller's rows."""
    sales = await create_sales(conn, 4)
    first, second, third, _ = sales
    await create_sale(conn, seller=first.seller, order=second.order)
    await conn.execute("update invoices set total_cents = 9007199254740993 where id = $1", first.invoice.id)
    await conn.execute("update line_items set advert_title = $1, variant_sku = null", 'Zürich "☃" \\ \u2028 \x01')
    await conn.execute("update adverts set deleted_at = now() where id = $1", second.advert.id)
    await conn.execute("update adverts set is_published = false where id = $1", third.advert.id)
    await conn.execute("update variants set deleted_at = now() where id = $1", first.variant.id)
    await conn.execute("delete from shipped_items where shipment_id = $1", third.shipment.id)
    return sales


async def test_plan_equals_the_reference_executor(conn: asyncpg.Connection) -> None:
    sales = await _difficult_sales(conn)
    query = stored_query(schema._schema, NESTED, WebhookKlass.INVOICE)
    ids = [sale.invoice.id for sale in sales] + [10**9]

    planned, expected, _ = await _both(conn, query, OPERATOR, ids)

    assert planned == expected


async def test_an_error_is_left_to_the_reference_executor(conn: asyncpg.Connection) -> None:
    first, second, *_ = await _difficult_sales(conn)
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


def _root_schema(entity_type: str) -> GraphQLSchema:
    """The schema with the entity as its only root field, for generating what may stand below `node`."""
    kept = [
        definition
        for definition in parse(schema.as_str()).definitions
        if getattr(getattr(definition, "name", None), "value", None) not in ("Query", "Mutation")
        and not isinstance(definition, SchemaDefinitionNode)
    ]
    root = parse(f"type Query {{ node: {entity_type} }}").definitions
    return build_ast_schema(DocumentNode(definitions=(*kept, *root)), assume_valid_sdl=True)


def _as_stored(document: str, entity_type: str) -> str | None:
    """A generated document as a stored query; None where it has nothing below `node`."""
    operation = parse(document).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    below = [print_ast(field.selection_set) for field in fields if field.selection_set]
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {entity_type} {below[0]} }} }}" if below else None


@pytest.mark.parametrize("klass", [WebhookKlass.INVOICE, WebhookKlass.VARIANT, WebhookKlass.REFUND_REQUEST])
async def test_generated_documents_give_the_same_bytes(conn: asyncpg.Connection, klass: WebhookKlass) -> None:
    sales = await _difficult_sales(conn)
    attribute = {"Invoice": "invoice", "Variant": "variant", "RefundRequest": "refund_request"}[klass.entity_type]
    ids = [getattr(sale, attribute).id for sale in sales]
    documents: list[str] = []

    @settings(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries(_root_schema(klass.entity_type), fields=["node"]))
    def generate(document: str) -> None:
        documents.append(document)

    generate()
    planned_count, refused = 0, []
    for text in dict.fromkeys(_as_stored(document, klass.entity_type) for document in documents):
        try:
            query = stored_query(schema._schema, text or "", klass)
        except InvalidInput as error:
            refused.append(error.message)
            continue
        for viewer in (OPERATOR, Viewer(sales[0].seller.id)):
            planned, expected, _ = await _both(conn, query, viewer, ids)
            for entity_id, body in (planned or {}).items():
                assert body == expected[entity_id], text
            planned_count += len(planned or {})
    assert planned_count > 0
    # What the generator may not know: how large a document may be, and that merged fields must agree.
    assert [one for one in refused if not any(word in one for word in ("nests", "aliases", "conflict", "cost"))] == []
