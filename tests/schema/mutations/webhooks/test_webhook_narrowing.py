"""Triggers and filter as attributes of a webhook, and what is shown of it."""

from typing import Any

import pytest

from tests.support.json_schemas import faults
from tests.support.platform import Platform

URL = "https://hooks.example.com/in"
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"
SHOWN = "triggers filter brokenReason payloadSchema"
UPDATE = f"""
mutation($id: ID!, $attributes: WebhookUpdateAttributes!) {{
  webhookUpdate(input: {{webhookId: $id, attributes: $attributes}}) {{
    status errors {{ field messages }} webhook {{ {SHOWN} }}
  }}
}}
"""


async def update(api: Platform, webhook_id: str, **attributes: Any) -> Any:
    return (await api.data(UPDATE, {"id": webhook_id, "attributes": attributes}))["webhookUpdate"]


async def shown(api: Platform, webhook_id: str) -> Any:
    return (
        await api.data(f"query($id: ID!) {{ node(id: $id) {{ ... on Webhook {{ {SHOWN} }} }} }}", {"id": webhook_id})
    )["node"]


async def test_are_stored_and_shown(api: Platform) -> None:
    filter_ = "data.node.totalCents > 5"

    created = await api.create_webhook(URL, QUERY, triggers=["statusFlags", "lineItems", "statusFlags"], filter=filter_)

    webhook = await shown(api, created["webhook"]["id"])
    assert (webhook["triggers"], webhook["filter"]) == (["statusFlags", "lineItems"], filter_)
    assert webhook["brokenReason"] is None
    payload = webhook["payloadSchema"]["properties"]["payload"]
    assert faults(payload, {"data": {"node": {"totalCents": 1}}}) == []
    assert len(faults(payload, {"data": {"node": {"totalCents": "1"}}})) == 1


@pytest.mark.parametrize("nothing", [{"triggers": None, "filter": None}, {"triggers": [], "filter": " "}])
async def test_nothing_clears_them(api: Platform, nothing: dict[str, Any]) -> None:
    created = await api.create_webhook(URL, QUERY, triggers=["statusFlags"], filter="true")
    webhook_id = created["webhook"]["id"]

    kept = await update(api, webhook_id, description="a note")
    cleared = await update(api, webhook_id, **nothing)

    assert (kept["webhook"]["triggers"], kept["webhook"]["filter"]) == (["statusFlags"], "true")
    assert (cleared["webhook"]["triggers"], cleared["webhook"]["filter"]) == ([], None)


@pytest.mark.parametrize(
    ("attributes", "error"),
    [
        (
            {"triggers": ["statusFlags", "status_flags"]},
            {
                "field": "attributes.triggers.1",
                "messages": ["Invoice has no field 'status_flags'; a trigger is a path as in lineItems.quantity"],
            },
        ),
        (
            {"filter": "payload == null"},
            {
                "field": "attributes.filter",
                "messages": ["payload is unknown; what can be read is event and data"],
            },
        ),
        (
            {"filter": "a" * 2_001},
            {"field": "attributes.filter", "messages": ["has 2001 characters; at most 2000 are allowed"]},
        ),
    ],
)
async def test_wrong_ones_are_refused_and_change_nothing(
    api: Platform, attributes: dict[str, Any], error: dict[str, Any]
) -> None:
    good = await api.create_webhook(URL, QUERY, triggers=["totalCents"], filter="true")

    created = await api.create_webhook(URL, QUERY, **attributes)
    updated = await update(api, good["webhook"]["id"], **attributes)

    assert (created["status"], created["errors"]) == (updated["status"], updated["errors"]) == (422, [error])
    rows = await api.conn.fetch("select triggers, filter from webhooks")
    assert [tuple(row) for row in rows] == [(["totalCents"], "true")]


async def test_a_query_that_is_put_right_is_broken_no_more(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL, QUERY))["webhook"]["id"]
    await api.conn.execute("update webhooks set broken_reason = 'queryString: lost', query_string = '{ lost }'")

    broken = await shown(api, webhook_id)
    noted = await update(api, webhook_id, description="to be mended")
    mended = await update(api, webhook_id, queryString=QUERY)

    assert (broken["brokenReason"], broken["payloadSchema"]) == ("queryString: lost", None)
    assert noted["webhook"]["brokenReason"] == "queryString: lost"
    assert mended["webhook"]["brokenReason"] is None
    assert mended["webhook"]["payloadSchema"]["title"] == "invoice webhook"


async def test_what_is_broken_otherwise_stays_broken(api: Platform) -> None:
    webhook_id = (await api.create_webhook(URL, QUERY))["webhook"]["id"]
    await api.conn.execute("update webhooks set triggers = '{lost}'")

    changed = await update(api, webhook_id, filter="true")

    assert changed["webhook"]["brokenReason"] == (
        "triggers.0: Invoice has no field 'lost'; a trigger is a path as in lineItems.quantity"
    )
