"""Operational events as they are asked for, and what a webhook about them may be made of."""

from typing import Any

import orjson
import pytest

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.json_schemas import faults
from tests.support.platform import Platform

URL = "http://127.0.0.1:9/"
QUERY = """query($id: ID!) { node(id: $id) { ... on OperationalEvent {
  kind reason occurredAt webhook { url enabled disabledReason } webhookEvent { state }
} } }"""
LIST = """
query($webhookId: ID, $filters: OperationalEventFilters) {
  operationalEvents(webhookId: $webhookId, filters: $filters) {
    totalCount nodes { kind reason webhook { legacyId } webhookEvent { id } }
  }
}
"""


async def raise_events(conn: Connection, webhook_id: int, *kinds: str) -> list[int]:
    """One of each kind, a day apart from 2030-01-01 on; their ids."""
    rows = await conn.fetch(
        "insert into operational_events (webhook_id, kind, reason, occurred_at)"
        " select $1, k, 'since ' || k, timestamptz '2030-01-01Z' + make_interval(days => n::int - 1)"
        " from unnest($2::text[]) with ordinality u(k, n) returning id",
        webhook_id,
        list(kinds),
    )
    return [row["id"] for row in rows]


async def listed(api: Platform, key: str | None = None, **given: Any) -> list[tuple[str, int]]:
    """Kind and webhook of each."""
    found = (await api.data(LIST, given, key))["operationalEvents"]
    assert found["totalCount"] == len(found["nodes"])
    return [(node["kind"], node["webhook"]["legacyId"]) for node in found["nodes"]]


async def test_list_has_the_newest_first_and_can_be_narrowed(api: Platform) -> None:
    one, other = await create_subscription(api.conn, URL), await create_subscription(api.conn, URL)
    await raise_events(api.conn, one.id, "FAILING", "RECOVERED", "DISABLED")
    await raise_events(api.conn, other.id, "EXHAUSTED")

    assert await listed(api) == [
        ("EXHAUSTED", other.id),
        ("DISABLED", one.id),
        ("RECOVERED", one.id),
        ("FAILING", one.id),
    ]
    assert await listed(api, webhookId=global_ids.encode("Webhook", other.id)) == [("EXHAUSTED", other.id)]
    of_kinds = {"kinds": ["FAILING", "EXHAUSTED"]}
    assert await listed(api, filters=of_kinds) == [("EXHAUSTED", other.id), ("FAILING", one.id)]
    at = {"occurredSince": "2030-01-02T00:00:00Z", "occurredUntil": "2030-01-03T00:00:00Z"}
    assert await listed(api, filters=at) == [("RECOVERED", one.id)]
    assert await listed(api, filters={"kinds": []}) == []


async def test_webhook_shows_its_own_oldest_first_also_when_it_is_deleted(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL)
    (event_id,) = await create_due_events(api.conn, webhook, state="FAILED")
    await raise_events(api.conn, webhook.id, "FAILING", "EXHAUSTED")
    await api.conn.execute("update operational_events set webhook_event_id = $1 where kind = 'EXHAUSTED'", event_id)
    document = "query($id: ID!) { node(id: $id) { ... on Webhook { operationalEvents { nodes { kind reason } } } } }"

    found = await api.data(document, {"id": global_ids.encode("Webhook", webhook.id)})
    await api.conn.execute("update webhooks set is_enabled = false, deleted_at = now()")
    still = (await api.data(LIST))["operationalEvents"]["nodes"]

    assert found["node"]["operationalEvents"]["nodes"] == [
        {"kind": "FAILING", "reason": "since FAILING"},
        {"kind": "EXHAUSTED", "reason": "since EXHAUSTED"},
    ]
    assert [node["webhook"] for node in still] == [{"legacyId": webhook.id}] * 2
    assert [node["webhookEvent"] for node in still] == [{"id": global_ids.encode("WebhookEvent", event_id)}, None]


async def test_seller_sees_those_of_its_own_webhooks_alone(api: Platform) -> None:
    seller, other = await create_seller(api.conn), await create_seller(api.conn)
    own = await create_subscription(api.conn, URL, seller_id=seller.id)
    for owner in (other.id, None):
        await raise_events(api.conn, (await create_subscription(api.conn, URL, seller_id=owner)).id, "DISABLED")
    (own_id,) = await raise_events(api.conn, own.id, "FAILING")
    key = await api.seller_key(seller.id)

    assert await listed(api, key) == [("FAILING", own.id)]
    node = "query($id: ID!) { node(id: $id) { id } }"
    found = [
        (await api.data(node, {"id": global_ids.encode("OperationalEvent", n)}, key))["node"]
        for n in range(1, own_id + 1)
    ]
    assert found == [None, None, {"id": global_ids.encode("OperationalEvent", own_id)}]


async def test_events_are_create_alone(api: Platform) -> None:
    refused = await api.create_webhook(URL, QUERY, type="OPERATIONAL_EVENT", eventNames=["CREATE", "UPDATE"])
    refused_one = await api.create_webhook(URL, QUERY, type="OPERATIONAL_EVENT", eventName="DESTROY")
    made = await api.create_webhook(URL, QUERY, type="OPERATIONAL_EVENT")
    changed = await api.data(
        """
        mutation($id: ID!) {
          webhookUpdate(input: {webhookId: $id, attributes: {eventNames: [DESTROY], description: "x"}}) {
            status errors { field messages }
          }
        }
        """,
        {"id": made["webhook"]["id"]},
    )

    told = [
        {
            "field": "attributes.eventNames",
            "messages": ["must be CREATE alone: nothing else happens to OperationalEvent"],
        }
    ]
    assert (refused["status"], refused["errors"]) == (422, told)
    assert (refused_one["status"], refused_one["errors"]) == (422, told)
    assert changed["webhookUpdate"] == {"status": 422, "errors": told}
    rows = await api.conn.fetch("select type, event_names, description from webhooks")
    assert [tuple(row) for row in rows] == [("OPERATIONAL_EVENT", ["CREATE"], None)]


async def test_dry_run_shows_what_would_be_sent(api: Platform) -> None:
    webhook = await create_subscription(api.conn, URL, is_enabled=False, disabled_reason="Gone.")
    (event_id,) = await raise_events(api.conn, webhook.id, "DISABLED")

    made = await api.data(
        """
        query($query: String!, $id: ID!) {
          webhookDryRun(type: OPERATIONAL_EVENT, queryString: $query, id: $id,
            filter: "event.type == 'operational_event.create' && data.node.kind != 'EXHAUSTED'")
          { payload payloadSchema filterPasses filterError errors { field messages } }
        }
        """,
        {"query": QUERY, "id": global_ids.encode("OperationalEvent", event_id)},
    )

    shown = made["webhookDryRun"]
    assert orjson.loads(shown["payload"]) == {
        "data": {
            "node": {
                "kind": "DISABLED",
                "reason": "since DISABLED",
                "occurredAt": "2030-01-01T00:00:00+00:00",
                "webhook": {"url": URL, "enabled": False, "disabledReason": "Gone."},
                "webhookEvent": None,
            }
        }
    }
    assert faults(shown["payloadSchema"]["properties"]["payload"], orjson.loads(shown["payload"])) == []
    assert (shown["filterPasses"], shown["filterError"], shown["errors"]) == (True, None, [])


@pytest.mark.parametrize("mutation", ["webhookBackfill", "webhookTest"])
async def test_is_tested_and_not_backfilled(api: Platform, mutation: str) -> None:
    made = await api.create_webhook(URL, QUERY, type="OPERATIONAL_EVENT")
    document = f"""mutation($id: ID!) {{
      {mutation}(input: {{webhookId: $id}}) {{ status errors {{ messages }} }}
    }}"""

    answer = (await api.data(document, {"id": made["webhook"]["id"]}))[mutation]

    refused = [{"messages": ["A webhook about OPERATIONAL_EVENT is not backfilled: what happened can be asked for."]}]
    assert answer == (
        {"status": 409, "errors": refused} if mutation == "webhookBackfill" else {"status": 200, "errors": None}
    )
