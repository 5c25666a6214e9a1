"""`delivery` at webhookCreate: a webhook is POSTed to a URL, or its receivers take its messages and it has none."""

from typing import Any

import pytest

from tests.support.platform import Platform

CREATE = """
mutation($attributes: WebhookCreateAttributes!) {
  webhookCreate(input: {attributes: $attributes}) {
    errors { field messages } webhook { id url delivery concurrentSendLimit }
  }
}
"""
UPDATE = """
mutation($id: ID!, $attributes: WebhookUpdateAttributes!) {
  webhookUpdate(input: {webhookId: $id, attributes: $attributes}) {
    errors { field messages } webhook { url concurrentSendLimit }
  }
}
"""
PULL = {"type": "INVOICE", "delivery": "PULL"}


async def test_pulled_webhook_has_no_url_and_a_larger_limit(api: Platform) -> None:
    created = (await api.data(CREATE, {"attributes": {**PULL, "concurrentSendLimit": 1_000}}))["webhookCreate"]
    webhook = created["webhook"]
    assert (webhook["url"], webhook["delivery"], webhook["concurrentSendLimit"]) == (None, "PULL", 1_000)

    variables = {"id": webhook["id"], "attributes": {"url": "https://hooks.example.com/"}}
    (problem,) = (await api.data(UPDATE, variables))["webhookUpdate"]["errors"]
    assert problem["field"] == "attributes.url"
    assert "delivery: PULL" in problem["messages"][0]

    changed = await api.data(UPDATE, {"id": webhook["id"], "attributes": {"concurrentSendLimit": 500}})
    assert changed["webhookUpdate"]["webhook"] == {"url": None, "concurrentSendLimit": 500}


async def test_webhook_is_pushed_unless_it_says_otherwise(api: Platform) -> None:
    attributes = {"type": "INVOICE", "url": "https://hooks.example.com/"}
    created = (await api.data(CREATE, {"attributes": attributes}))["webhookCreate"]
    assert created["webhook"]["delivery"] == "PUSH"


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"delivery": "PUSH", "url": None}, "attributes.url"),
        ({"url": None}, "attributes.url"),
        ({**PULL, "url": "https://hooks.example.com/"}, "attributes.url"),
        ({**PULL, "concurrentSendLimit": 1_001}, "attributes.concurrentSendLimit"),
        ({"url": "https://hooks.example.com/", "concurrentSendLimit": 201}, "attributes.concurrentSendLimit"),
    ],
)
async def test_what_does_not_fit_the_delivery_is_refused(api: Platform, attributes: dict[str, Any], field: str) -> None:
    created = (await api.data(CREATE, {"attributes": {"type": "INVOICE", **attributes}}))["webhookCreate"]
    assert created["webhook"] is None
    assert [problem["field"] for problem in created["errors"]] == [field]
