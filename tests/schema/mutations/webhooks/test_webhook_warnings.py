"""A filter that can't be true is refused, and `warnings` name what is allowed and surely not meant."""

from typing import Any

import pytest

from schema.entities import global_ids
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

URL = "https://hooks.example.com/in"
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents legacyId } } }"
ANSWER = "warnings { field messages } webhook { id filter brokenReason }"


async def create(api: Platform, key: str | None = None, **given: Any) -> Any:
    attributes = {"url": URL, "type": "INVOICE", "queryString": QUERY, **given}
    return await api.mutate("webhookCreate", ANSWER, key, attributes=attributes)


async def update(api: Platform, webhook_id: str, **given: Any) -> Any:
    return await api.mutate("webhookUpdate", ANSWER, webhookId=webhook_id, attributes=given)


async def test_a_filter_that_can_not_be_true_is_refused_and_nothing_changes(api: Platform) -> None:
    webhook_id = (await create(api, filter="data.node.totalCents > 1"))["webhook"]["id"]
    wrong = "data.node.totalcents > 1"
    narrower = QUERY.replace("totalCents ", "")

    refused = [
        await create(api, filter=wrong),
        await update(api, webhook_id, filter=wrong),
        await update(api, webhook_id, queryString=narrower),
    ]
    both = await update(api, webhook_id, queryString=narrower, filter="data.node.legacyId > 1")

    message = "line 1, column 11: data.node has no field 'totalcents'. Did you mean 'totalCents'?"
    gone = "line 1, column 11: data.node has no field 'totalCents'; it has 'legacyId'"
    assert [one["status"] for one in refused] == [422, 422, 422]
    assert [one["errors"] for one in refused] == [
        [{"field": "attributes.filter", "messages": [said]}] for said in (message, message, gone)
    ]
    assert [one["warnings"] for one in (*refused, both)] == [[]] * 4
    assert (both["status"], both["webhook"]["brokenReason"]) == (200, None)
    assert await api.conn.fetchval("select count(*) from webhooks") == 1


async def test_a_filter_beside_a_wrong_query_is_checked_for_its_syntax_alone(api: Platform) -> None:
    made = await create(api, queryString="{ nope }", filter="data.node.nope == 1")
    syntax = await create(api, queryString="{ nope }", filter="data.node.nope = 1")

    assert [error["field"] for error in made["errors"]] == ["attributes.queryString"]
    assert {error["field"] for error in syntax["errors"]} == {"attributes.queryString", "attributes.filter"}


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"queryString": "", "eventNames": ["UPDATE"]}, "queryString", "No UPDATE is ever sent"),
        (
            {"queryString": "", "eventNames": ["UPDATE"], "triggers": ["status"]},
            "queryString",
            "An UPDATE is sent once",
        ),
        ({"queryString": QUERY.replace("legacyId", "status")}, "queryString", "line 1, column 63: The field Invoice"),
        ({"filter": "data.node.legacyId != '1'"}, "filter", "line 1, column 1: data.node.legacyId != '1' is always"),
        (
            {"filter": "event.name == 'create'", "eventNames": ["UPDATE"]},
            "filter",
            "line 1, column 1: event.name is never",
        ),
    ],
)
async def test_what_is_surely_not_meant_is_a_warning(
    api: Platform, given: dict[str, Any], field: str, words: str
) -> None:
    created = await create(api, **given)
    again = await update(api, created["webhook"]["id"], description="a note")

    (warning,) = created["warnings"]
    assert (created["status"], warning["field"], len(warning["messages"])) == (200, f"attributes.{field}", 1)
    assert warning["messages"][0].startswith(words)
    assert again["warnings"] == created["warnings"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"queryString": ""},
        {"queryString": "", "eventNames": ["CREATE", "UPDATE"]},
        {"queryString": "", "eventNames": ["UPDATE"], "triggers": ["statusFlags"], "allowSkip": False},
        {"filter": "event.name == 'create'", "eventNames": ["UPDATE", "CREATE"]},
    ],
)
async def test_what_may_be_meant_is_no_warning(api: Platform, given: dict[str, Any]) -> None:
    assert (await create(api, **given))["warnings"] == []


async def test_a_field_that_the_owner_can_never_read_is_a_warning(api: Platform) -> None:
    seller = await create_seller(api.conn)
    query = QUERY.replace("legacyId", "order { id }")
    owner = {"sellerId": global_ids.encode("Seller", seller.id)}

    operators = await create(api, queryString=query)
    sellers = [await create(api, queryString=query, **owner)]
    sellers.append(await create(api, await api.seller_key(seller.id), queryString=query))

    assert operators["warnings"] == []
    for made in sellers:
        (warning,) = made["warnings"]
        (message,) = warning["messages"]
        assert warning["field"] == "attributes.queryString"
        assert message.startswith("line 1, column 63: The webhook's owner can never read 'order': ")


async def test_a_dry_run_without_an_entity_checks_and_runs_nothing(api: Platform) -> None:
    document = """
    query($query: String!, $filter: String, $eventNames: [WebhookEventEnum!]) {
      webhookDryRun(type: INVOICE, queryString: $query, filter: $filter, eventNames: $eventNames) {
        payload bytes cost watchedColumns payloadSchema filterPasses warnings { field messages }
        errors { field messages }
      }
    }
    """
    right = await api.data(document, {"query": QUERY, "filter": "data.node.legacyId > 1"})
    blank = await api.data(document, {"query": "", "eventNames": ["UPDATE"]})
    wrong = await api.data(document, {"query": QUERY, "filter": "data.node.legacyId"})

    made = right["webhookDryRun"]
    assert (made["payload"], made["bytes"], made["filterPasses"]) == (None, None, None)
    assert (made["warnings"], made["errors"]) == ([], [])
    assert made["cost"] > 0
    assert "invoices.total_cents" in made["watchedColumns"]
    assert made["payloadSchema"]["title"] == "invoice webhook"
    assert [one["field"] for one in blank["webhookDryRun"]["warnings"]] == ["queryString"]
    assert wrong["webhookDryRun"]["errors"][0]["field"] == "filter"
