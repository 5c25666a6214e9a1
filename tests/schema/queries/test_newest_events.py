"""`Webhook.events`: the newest events of a webhook; and what a webhook event was about."""

from typing import Any

import orjson
import pytest
from graphql import parse

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from schema import schema
from schema.engine.cost.operation_cost import Costs
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.refund_requests import create_refund_request
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment
from tests.support.executors import by_plan, by_reference, fresh_plans
from tests.support.operation import run_operation

EVENTS = "query($first: Int) { webhooks { nodes { id events(first: $first) { id state } } } }"


async def both_ways(conn: Connection, document: str, viewer: Viewer = OPERATOR, **variables: Any) -> Any:
    """The answer of the reference executor, which is that of the plan. An error is the former's alone."""
    answer = await by_reference(conn, document, variables, viewer)
    planned = await by_plan(fresh_plans(), conn, document, variables, viewer)
    assert planned == (None if b'"errors":' in answer else answer)
    return orjson.loads(answer)


@pytest.mark.parametrize(
    ("variables", "number"), [({}, 10), ({"first": None}, 10), ({"first": 2}, 2), ({"first": 0}, 0)]
)
async def test_a_webhook_shows_its_newest_events_the_newest_first(
    conn: Connection, variables: dict[str, Any], number: int
) -> None:
    many, few, _ = [await create_subscription(conn, "http://127.0.0.1:9/") for _ in range(3)]
    closed = await create_due_events(conn, many, 7, state="DELIVERED")
    waiting = await create_due_events(conn, many, 5)
    only = await create_due_events(conn, few, 1)
    later = await create_due_events(conn, many, 1, state="SKIPPED")

    shown = await both_ways(conn, EVENTS, **variables)

    newest = [*reversed([*closed, *waiting, *later])]
    assert [[event["id"] for event in one["events"]] for one in shown["data"]["webhooks"]["nodes"]] == [
        [global_ids.encode("WebhookEvent", event) for event in events[:number]] for events in (newest, only, [])
    ]


async def test_a_literal_number_is_as_good_as_a_variable(conn: Connection) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")
    *_, last = await create_due_events(conn, webhook, 3)

    shown = await both_ways(conn, "{ webhooks { nodes { events(first: 1) { id webhook { events { id } } } } } }")

    ((event,),) = [one["events"] for one in shown["data"]["webhooks"]["nodes"]]
    assert event["id"] == global_ids.encode("WebhookEvent", last)
    assert len(event["webhook"]["events"]) == 3


@pytest.mark.parametrize("first", [-1, 501])
async def test_more_than_a_page_of_events_is_refused(conn: Connection, first: int) -> None:
    await create_subscription(conn, "http://127.0.0.1:9/")

    shown = await both_ways(conn, EVENTS, first=first)

    (error,) = shown["errors"]
    assert error["message"] == "first: must be from 0 to 500"
    assert error["path"] == ["webhooks", "nodes", 0, "events"]


async def test_events_of_many_webhooks_take_one_statement(conn: Connection) -> None:
    for _ in range(4):
        await create_due_events(conn, await create_subscription(conn, "http://127.0.0.1:9/"), 3)

    answer = await run_operation(conn, EVENTS, first=2)

    assert [len(one["events"]) for one in answer.data["webhooks"]["nodes"]] == [2] * 4
    assert answer.statements == 2


def test_events_count_by_their_number() -> None:
    costs = Costs(schema._schema, parse(EVENTS))

    # `webhooks`, `nodes`; of each of fifty webhooks `id`, `events`, and two fields of each event.
    assert {first: costs.of({"first": first}).total for first in (None, 0, 3, 10**6)} == {
        first: 2 + 50 * (2 + 2 * number) for first, number in ((None, 10), (0, 0), (3, 3), (10**6, 500))
    }


ENTITY = """query($id: ID!) { node(id: $id) { ... on WebhookEvent {
  entityId state retryAfter invoice { id } shipment { id } refundRequest { id }
} } }"""


async def test_an_event_shows_the_entity_that_was_changed(conn: Connection) -> None:
    seller, other = await create_seller(conn), await create_seller(conn)
    invoice = await create_invoice(conn, seller_id=seller.id)
    shipment = await create_shipment(conn, invoice_id=invoice.id)
    request = await create_refund_request(conn, invoice_id=invoice.id)
    named = {"Invoice": invoice.id, "Shipment": shipment.id, "RefundRequest": request.id, "Variant": invoice.id}
    webhook = await create_subscription(conn, "http://127.0.0.1:9/", seller_id=seller.id)
    events = await create_due_events(conn, webhook, len(named), state="RETRYING")
    for event, (type_name, entity_id) in zip(events, named.items(), strict=True):
        await conn.execute(
            "update webhook_events set entity_type = $2, entity_id = $3 where id = $1", event, type_name, entity_id
        )
    due_at = await conn.fetchval("select due_at from webhook_events limit 1")

    shown = [
        (await both_ways(conn, ENTITY, Viewer(seller.id), id=global_ids.encode("WebhookEvent", event)))["data"]["node"]
        for event in events
    ]
    foreign = await both_ways(conn, ENTITY, Viewer(other.id), id=global_ids.encode("WebhookEvent", events[0]))

    fields = {"Invoice": "invoice", "Shipment": "shipment", "RefundRequest": "refundRequest"}
    for node, (type_name, entity_id) in zip(shown, named.items(), strict=True):
        found = {name: node[name] for name in fields.values() if node[name] is not None}
        wanted = global_ids.encode(type_name, entity_id)
        assert found == ({fields[type_name]: {"id": wanted}} if type_name in fields else {})
        assert node["entityId"] == wanted
        assert node["retryAfter"] == due_at.isoformat()
    assert foreign["data"] == {"node": None}


async def test_an_event_does_not_show_an_entity_of_somebody_else_or_one_that_is_gone(conn: Connection) -> None:
    seller, other = await create_seller(conn), await create_seller(conn)
    of_other = await create_invoice(conn, seller_id=other.id)
    webhook = await create_subscription(conn, "http://127.0.0.1:9/", seller_id=seller.id)
    moved, gone = await create_due_events(conn, webhook, 2, first_entity=of_other.id, state="DELIVERED")

    by_seller = await both_ways(conn, ENTITY, Viewer(seller.id), id=global_ids.encode("WebhookEvent", moved))
    by_operator = await both_ways(conn, ENTITY, id=global_ids.encode("WebhookEvent", moved))
    of_nothing = await both_ways(conn, ENTITY, id=global_ids.encode("WebhookEvent", gone))

    assert by_operator["data"]["node"]["invoice"] == {"id": global_ids.encode("Invoice", of_other.id)}
    assert by_seller["data"]["node"]["invoice"] is None
    assert of_nothing["data"]["node"]["invoice"] is None
    assert by_operator["data"]["node"]["retryAfter"] is None
