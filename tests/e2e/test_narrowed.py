"""Deliveries keep to what the API has told the subscriber before."""

from collections.abc import Callable

import asyncpg
import pytest
from standardwebhooks import Webhook as Verifier

from schema.entities import global_ids
from tests.builders.sales import create_sale
from tests.builders.variants import create_variant
from tests.support.json_schemas import faults
from tests.support.outbox import running_publisher
from tests.support.platform import Platform, running_api, settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = """
query($id: ID!) { node(id: $id) { __typename ... on Invoice { id total: totalCents status statusFlags createdAt
  seller { businessName } lineItems { quantity variant { sku } } shipments { trackingNumber shippedItems { quantity } }
  order { invoices(first: 1) { totalCount nodes { legacyId } pageInfo { hasNextPage endCursor } } } } } }
"""
SCHEMA = "query($id: ID!) { node(id: $id) { ... on Webhook { payloadSchema } } }"


@pytest.mark.parametrize("is_seller", [False, True])
async def test_delivered_bodies_validate_against_the_payload_schema(
    platform: Platform, receiver: Receiver, is_seller: bool
) -> None:
    sale = await create_sale(platform.conn)
    key = await platform.seller_key(sale.seller.id) if is_seller else None
    created = await platform.create_webhook(receiver.url(), QUERY, key)
    json_schema = (await platform.data(SCHEMA, {"id": created["webhook"]["id"]}))["node"]["payloadSchema"]

    await platform.conn.execute("update invoices set status_flags = '{PAID}'")
    await platform.conn.execute("delete from shipped_items")
    await platform.conn.execute("delete from shipments")

    await receiver.wait_for(lambda one: one.json["payload"]["data"]["node"]["shipments"] == [])
    bodies = [one.json for one in receiver.deliveries]
    assert [faults(json_schema, body) for body in bodies] == [[]] * len(bodies)
    # A seller's query has an error at `order`, and is a body like any other.
    assert all(("errors" in body["payload"]) is is_seller for body in bodies)


async def test_a_body_shows_the_payload_before_it_to_who_asked_for_it(platform: Platform, receiver: Receiver) -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"
    created = await platform.create_webhook(receiver.url(), query, type="VARIANT", includePrevious=True)
    node = {"id": created["webhook"]["id"]}
    asked = "query($id: ID!) { node(id: $id) { ... on Webhook { includePrevious payloadSchema } } }"
    shown = (await platform.data(asked, node))["node"]

    await create_variant(platform.conn, count_on_hand=1)
    await receiver.wait_for()
    await until(lambda: _is_delivered(platform.conn))
    await platform.conn.execute("update variants set count_on_hand = 2")

    _, update = await receiver.wait_for(count=2)
    body = Verifier(created["hmacKey"]).verify(update.body, update.headers)
    assert body["previous"] == {"data": {"node": {"countOnHand": 1}}}
    assert body["payload"] == {"data": {"node": {"countOnHand": 2}}}
    assert [one.json["previous"] for one in receiver.deliveries] == [None, body["previous"]]
    assert shown["includePrevious"] is True
    assert faults(shown["payloadSchema"], body) == []


async def _is_delivered(conn: asyncpg.Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from webhook_given)"))


async def test_what_is_filtered_out_does_not_arrive_and_what_fails_does(platform: Platform, receiver: Receiver) -> None:
    query = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"
    await create_variant(platform.conn, count_on_hand=1)
    few = await platform.create_webhook(
        receiver.url("/few"), query, type="VARIANT", filter="data.node.countOnHand < 5", eventNames=["UPDATE"]
    )
    fails = await platform.create_webhook(
        receiver.url("/fails"), query, type="VARIANT", filter="[true][1]", eventNames=["UPDATE"]
    )

    # Else the creation and the first update would be one event, a creation.
    await until(lambda: _is_published(platform.conn))
    for count in (9, 3):
        await platform.conn.execute("update variants set count_on_hand = $1", count)
        await receiver.wait_for(_arrived("/fails", count))

    (few_one,) = await receiver.wait_for(lambda one: one.path == "/few")
    assert few_one.data == {"node": {"countOnHand": 3}}
    few_id = global_ids.key_of(few["webhook"]["id"], "Webhook", field="id")
    fails_id = global_ids.key_of(fails["webhook"]["id"], "Webhook", field="id")
    assert await _finished(platform.conn, few_id, 2) == [("SKIPPED", "The filter is false."), ("DELIVERED", None)]
    failed = ("DELIVERED", "The filter failed: index out of bounds: 1")
    assert await _finished(platform.conn, fails_id, 2) == [failed, failed]


def _arrived(path: str, count: int) -> Callable[[Delivery], bool]:
    return lambda one: one.path == path and one.data["node"]["countOnHand"] == count


async def _is_published(conn: asyncpg.Connection) -> bool:
    return not await conn.fetchval("select exists (select from change_events where published_at is null)")


async def _finished(conn: asyncpg.Connection, webhook_id: int, count: int) -> list[tuple[str, str | None]]:
    """State and reason of a webhook's events, once so many are finished."""
    sql = "select state, reason from webhook_events where webhook_id = $1 and finished_at is not null order by id"

    async def enough() -> bool:
        return len(await conn.fetch(sql, webhook_id)) >= count

    await until(enough)
    return [(row["state"], row["reason"]) for row in await conn.fetch(sql, webhook_id)]


async def test_a_starting_api_marks_what_its_schema_broke(conn: asyncpg.Connection, database_url: str) -> None:
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe("lost")

    async def is_marked() -> bool:
        return bool(await conn.fetchval("select broken_reason like '%''lost''%' from webhooks"))

    async with running_api(settings_for(database_url)):
        await until(is_marked)

    assert await conn.fetchval("select is_enabled from webhooks")
