"""A webhook about operational events tells what happens to other webhooks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from app.webhooks.domain.retry import GONE_REASON
from schema.entities import global_ids
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.json_schemas import faults
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until
from tests.support.worker_process import started, worker_process

QUERY = """query($id: ID!) { node(id: $id) { ... on OperationalEvent {
  kind reason occurredAt webhook { legacyId url enabled disabledReason } webhookEvent { id state lastStatus }
} } }"""
VARIANT = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"


@dataclass(slots=True)
class Answers:
    """Answer each path with its status; 200 unless it is named."""

    status: dict[str, int] = field(default_factory=dict)

    async def answer(self, delivery: Delivery) -> web.StreamResponse:
        return web.Response(status=self.status.get(delivery.path, 200))


@pytest.fixture
def answers(receiver: Receiver) -> Answers:
    answers = Answers()
    receiver.answering = answers.answer
    return answers


@pytest.fixture
async def hurried(database_url: str, redis_url: str) -> AsyncIterator[Platform]:
    """A webhook is reported as failing at once; two workers."""
    settings = settings_for(database_url, redis_url, failing_after_s=0.01)
    with worker_process(database_url, redis_url, failing_after_s=0.01) as second:
        async with running_platform(settings) as running:
            await started(second)
            yield running


async def subscribe(platform: Platform, url: str, key: str | None = None, **given: Any) -> str:
    """A webhook about variants; its id."""
    made = await platform.create_webhook(url, VARIANT, key, type="VARIANT", **given)
    return str(made["webhook"]["id"])


async def watch(platform: Platform, receiver: Receiver, path: str = "/alerts", key: str | None = None) -> str:
    """A webhook about operational events; its id."""
    made = await platform.create_webhook(receiver.url(path), QUERY, key, type="OPERATIONAL_EVENT", maxRetries=0)
    return str(made["webhook"]["id"])


async def add_a_variant(platform: Platform, **of: Any) -> None:
    await create_variant(platform.conn, **of)


async def alerts(receiver: Receiver, count: int = 1, path: str = "/alerts") -> list[Any]:
    """The nodes that were told, as soon as there are so many."""
    found = await receiver.wait_for(lambda delivery: delivery.path == path, count)
    return [delivery.data["node"] for delivery in found]


async def test_endpoint_that_is_gone_raises_disabled(platform: Platform, receiver: Receiver, answers: Answers) -> None:
    answers.status["/gone"] = 410
    watching = await watch(platform, receiver)
    gone = await subscribe(platform, receiver.url("/gone"))

    await add_a_variant(platform)
    (delivery,) = await receiver.wait_for(lambda delivery: delivery.path == "/alerts")

    told = delivery.json
    assert {name: told[name] for name in ("event_name", "type", "changed")} == {
        "event_name": "create",
        "type": "operational_event.create",
        "changed": {"added": [], "updated": [], "removed": []},
    }
    assert told["entity"] == {"type": "OperationalEvent", "id": global_ids.encode("OperationalEvent", 1)}
    node = delivery.data["node"]
    assert node.pop("occurredAt")
    assert node == {
        "kind": "DISABLED",
        "reason": GONE_REASON,
        "webhook": {
            "legacyId": global_ids.decode(gone, field="id")[1],
            "url": receiver.url("/gone"),
            "enabled": False,
            "disabledReason": GONE_REASON,
        },
        "webhookEvent": None,
    }
    schema = "query($id: ID!) { node(id: $id) { ... on Webhook { payloadSchema } } }"
    payload_schema = (await platform.data(schema, {"id": watching}))["node"]["payloadSchema"]
    assert faults(payload_schema, told) == []
    assert faults(payload_schema, {**told, "payload": {"data": {"node": {**node, "kind": "OTHER"}}}}) != []


async def test_retries_that_are_used_up_raise_exhausted(
    platform: Platform, receiver: Receiver, answers: Answers
) -> None:
    answers.status["/hook"] = 500
    await watch(platform, receiver)
    await subscribe(platform, receiver.url(), maxRetries=0)

    await add_a_variant(platform)

    (node,) = await alerts(receiver)
    assert node["kind"] == "EXHAUSTED"
    assert node["reason"] == "No retries are left after 1 attempt. The last one ended with HTTP 500."
    failed = await platform.conn.fetchval("select id from webhook_events where state = 'FAILED'")
    assert node["webhookEvent"] == {
        "id": global_ids.encode("WebhookEvent", failed),
        "state": "FAILED",
        "lastStatus": 500,
    }


async def test_an_outage_is_told_when_it_begins_and_when_it_ends(
    hurried: Platform, receiver: Receiver, answers: Answers
) -> None:
    answers.status["/hook"] = 503
    await watch(hurried, receiver)
    await subscribe(hurried, receiver.url())

    await add_a_variant(hurried)
    (begun,) = await alerts(receiver)
    del answers.status["/hook"]
    # An attempt that is in flight now may still fail: its retry would come half a minute later.
    hastened = (
        "with due as (update webhook_events set due_at = now() where state = 'RETRYING' returning id)"
        " select exists (select from due)"
        " or exists (select from webhook_events where entity_type = 'Variant' and state = 'DELIVERED')"
    )
    await until(lambda: hurried.conn.fetchval(hastened))
    _, over = await alerts(receiver, 2)

    assert begun["kind"] == "FAILING"
    assert begun["reason"].startswith("No delivery has succeeded since 20")
    assert (over["kind"], over["reason"]) == ("RECOVERED", "A delivery has succeeded again.")
    assert await hurried.conn.fetchval("select count(*) from operational_events") == 2


async def test_a_webhook_that_is_told_of_them_raises_none(
    platform: Platform, receiver: Receiver, answers: Answers
) -> None:
    answers.status |= {"/exhausted": 500, "/gone": 410}
    broken = [await watch(platform, receiver, path) for path in ("/exhausted", "/gone")]
    await watch(platform, receiver)
    first = await subscribe(platform, receiver.url("/first"))
    second = await subscribe(platform, receiver.url("/second"))
    disable = "mutation($id: ID!) { webhookUpdate(input: {webhookId: $id, attributes: {enabled: false}}) { status } }"

    await platform.data(disable, {"id": first})
    await receiver.wait_for(lambda delivery: delivery.path in ("/exhausted", "/gone"), 2)
    ended = "select count(*) from webhook_events where state in ('FAILED', 'DELIVERED')"
    await until(lambda: _is(platform, ended, 3))
    await platform.data(disable, {"id": second})
    told = await alerts(receiver, 2)

    assert [(node["kind"], node["reason"], node["webhook"]["url"]) for node in told] == [
        ("DISABLED", "Disabled by the operator.", receiver.url(path)) for path in ("/first", "/second")
    ]
    assert await platform.conn.fetchval("select count(*) from operational_events") == 2
    gone = await platform.conn.fetchrow(
        "select is_enabled, disabled_reason from webhooks where id = $1", global_ids.decode(broken[1], field="id")[1]
    )
    assert gone is not None
    assert tuple(gone) == (False, GONE_REASON)


async def test_a_seller_is_told_of_its_own_webhooks_alone(
    platform: Platform, receiver: Receiver, answers: Answers
) -> None:
    answers.status |= {"/one": 500, "/other": 500}
    sellers = {name: await create_seller(platform.conn) for name in ("one", "other")}
    keys = {name: await platform.seller_key(seller.id) for name, seller in sellers.items()}
    await watch(platform, receiver)
    for name, key in keys.items():
        await watch(platform, receiver, f"/alerts/{name}", key)
        await subscribe(platform, receiver.url(f"/{name}"), key, maxRetries=0)

    for name in ("other", "one"):
        await add_a_variant(platform, seller_id=sellers[name].id)
        await alerts(receiver, path=f"/alerts/{name}")

    of_all = await alerts(receiver, 2)
    assert {node["webhook"]["url"] for node in of_all} == {receiver.url("/one"), receiver.url("/other")}
    for name in ("one", "other"):
        told = await alerts(receiver, path=f"/alerts/{name}")
        assert [node["webhook"]["url"] for node in told] == [receiver.url(f"/{name}")]


async def _is(platform: Platform, count: str, wanted: int) -> bool:
    return bool(await platform.conn.fetchval(count) == wanted)
