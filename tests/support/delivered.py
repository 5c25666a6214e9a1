"""Every body that reaches a test's receiver is held against its webhook's `payloadSchema`."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import asyncpg

from app.db.pool import Record
from app.errors import InvalidInput
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities import global_ids
from schema.stored.json_schema import payload_schema
from schema.stored.validate import stored_query
from tests.support.json_schemas import Check, check_of
from tests.support.receiver import Delivery

# A webhook that was changed since may have had another query.
_QUERIES = """
select e.id, w.type, w.query_string, w.include_previous from webhook_events e join webhooks w on w.id = e.webhook_id
where e.id = any($1::bigint[]) and w.updated_at <= e.created_at
"""


def faults_of(database_url: str, deliveries: Iterable[Delivery]) -> list[str]:
    """Return what is wrong with the bodies. It works in a thread, because an event loop may be running."""
    bodies = {one.body: one.json for one in deliveries if "tellgraph-sequence" in one.headers}
    events = {body: global_ids.key_of(json["id"], "WebhookEvent", field="id") for body, json in bodies.items()}
    with ThreadPoolExecutor(1) as thread:
        found = thread.submit(asyncio.run, _queries(database_url, sorted(set(events.values())))).result()
    queries = {row["id"]: (row["type"], row["query_string"], row["include_previous"]) for row in found}
    checks = {body: _check(*queries[event]) for body, event in events.items() if event in queries}
    return [f"{body!r}: {fault}" for body, check in checks.items() if check for fault in check(bodies[body])]


async def _queries(database_url: str, events: list[int]) -> list[Record]:
    conn = await asyncpg.connect(database_url)
    try:
        return await conn.fetch(_QUERIES, events)
    finally:
        await conn.close()


@cache
def _check(klass: str, text: str, include_previous: bool) -> Check | None:
    """None for a query that a test has put out of the schema's reach."""
    try:
        query = stored_query(schema._schema, text, WebhookKlass(klass))
    except InvalidInput:
        return None
    return check_of(payload_schema(schema._schema, query, WebhookKlass(klass), include_previous=include_previous))
