"""Skipping by watched columns is sound: a change of what is shown is never skipped."""

import random
from dataclasses import replace
from typing import Any

import asyncpg

from app.auth import OPERATOR
from app.db.captured import CAPTURED
from app.db.change_events import ChangeEvent, claim_batch, mark_published
from app.domain.webhook import WebhookKlass
from app.settings import get_settings
from schema import schema
from schema.context import Context, Reader
from schema.loaders import Loaders
from schema.stored.execute import execute_stored_query
from schema.stored.validate import StoredQuery, stored_query
from tests.builders.sales import create_sale
from tests.support.outbox import recorded
from tests.workers.test_dedup import WEBHOOK
from workers.match import fold_entities, skip_reason

LINE = "quantity quantityAwaitingDispatch status statusFull variantSku totalFormatted advertId variantLegacyId"
REFUND_LINE = "quantity status reason custom amountFormatted lineItem { id } notes { note }"
#: What leads to tables whose changes are not passed on (sellers, carriers, a line's variant) is left out.
QUERIES = {
    WebhookKlass.INVOICE: [
        "id statusFlags status totalCents",
        "totalIncludingAdjustmentsFormatted totalFormatted order { surname totalFormatted status }",
        f"...Lines }} }} }} fragment Lines on Invoice {{ ... on Invoice {{ lineItems {{ {LINE}",
        "... on Node { ... on Invoice { shipments { carrier note shippedItems { quantity lineItem { quantity } } } } }",
        f"refundRequests {{ status totalFormatted lineItems {{ {REFUND_LINE} }} notes {{ note newStatus }} }}",
        "amendments { taxCents remittedAt lineItems { status custom totalCents lineItem { variantSku } } }",
    ],
    WebhookKlass.VARIANT: [
        "sku buyable displayable lowestPrice editableSalePrice",
        "advert { __typename ... on Advert { title fullTitle descriptionHtml displayable }"
        " ... on UnpublishedAdvert { details { code published } } ... on DeletedAdvert { id } }",
    ],
    WebhookKlass.REFUND_REQUEST: [
        f"status totalCents lineItems {{ {REFUND_LINE} }}",
        "cashAmountFormatted notes { author note refundRequestLineItem { reason } }",
    ],
}
#: Values to write into a column, by its type; a CHECK that refuses one is a change that can't happen.
VALUES: dict[str, list[Any]] = {
    "text": [
        "NEW",
        "USED",
        "PAID",
        "CANCELLED",
        "REFUNDED",
        "AWAITING",
        "COMPLETE",
        "CHECKOUT",
        "WHOLESALE",
        "x",
        "EUR",
    ],
    "bigint": ["0", "1", "777"],
    "integer": ["0", "1", "2"],
    "boolean": ["true", "false"],
    "timestamp with time zone": ["2020-01-01", "2030-01-01"],
    "double precision": ["0.5"],
    "ARRAY": ["{}", "{SENT}", "{CANCELLED,PAID}"],
}

WEBHOOK_OF = {klass.entity_type: replace(WEBHOOK, type=klass) for klass in QUERIES}


def queries(klass: WebhookKlass) -> list[StoredQuery]:
    form = f"query($id: ID!) {{ node(id: $id) {{ ... on {klass.entity_type} {{ %s }} }} }}"
    return [stored_query(schema._schema, form % selection, klass) for selection in QUERIES[klass]]


async def columns(conn: asyncpg.Connection) -> list[tuple[str, str, str]]:
    """Table, column and type of all that is captured."""
    rows = await conn.fetch(
        "select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'"
        " and table_name = any($1) and column_name not in ('id', 'updated_at') order by 1, 2",
        [captured.table for captured in CAPTURED],
    )
    return [(row["table_name"], row["column_name"], row["data_type"]) for row in rows]


async def claim_some(conn: asyncpg.Connection) -> list[ChangeEvent]:
    """All that waits, of whatever shard."""
    claimed: list[ChangeEvent] = []
    while events := await claim_batch(conn, limit=100):
        await mark_published(conn, [event.id for event in events])
        claimed += events
    return claimed


async def test_a_change_of_any_column_that_changes_a_result_is_wanted(conn: asyncpg.Connection) -> None:
    sale = await create_sale(conn)
    await recorded(conn)
    ids = {"Invoice": sale.invoice.id, "Variant": sale.variant.id, "RefundRequest": sale.refund_request.id}
    stored = {klass.entity_type: queries(klass) for klass in QUERIES}
    chance = random.Random(5)
    seen = 0

    async def rendered(entity_types: list[str]) -> list[bytes]:
        reader = Reader(conn)
        context = Context(viewer=OPERATOR, reader=reader, loaders=Loaders(reader, OPERATOR), settings=get_settings())
        return [
            await execute_stored_query(query, ids[query.entity_type], context)
            for entity_type in entity_types
            for query in stored[entity_type]
        ]

    for table, column, type_ in await columns(conn):
        roots = [root for captured in CAPTURED for root in captured.roots if captured.table == table]
        entity_types = [root.entity_type for root in roots if root.entity_type in stored]
        before = await rendered(entity_types)
        shown = [query for entity_type in entity_types for query in stored[entity_type]]
        for value in chance.sample(VALUES[type_], min(3, len(VALUES[type_]))):
            undo = conn.transaction()
            await undo.start()
            try:
                async with conn.transaction():
                    await conn.execute(f"update {table} set {column} = '{value}'")
            except asyncpg.IntegrityConstraintViolationError:
                await undo.rollback()
                continue
            after = await rendered(entity_types)
            changes = {change.entity_type: change for change in fold_entities(await claim_some(conn))}
            for query, old, new in zip(shown, before, after, strict=True):
                if old != new:
                    seen += 1
                    change = changes[query.entity_type]
                    assert skip_reason(WEBHOOK_OF[query.entity_type], query, change) is None, (
                        table,
                        column,
                        value,
                        query.text,
                    )
            await undo.rollback()
    # The test would be worth nothing if hardly any change showed.
    assert seen > 80
