"""Each answer of an endpoint is an attempt that the subscriber can read, and it holds up nobody else."""

import asyncio
import time
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks import Webhook as Verifier

from app import __version__
from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.support.delivery_log import read_closed_event, read_events
from tests.support.hostile import Behaviour, HostileConnection, answering, answering_without_end, hostile_server
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { id totalCents } } }"
UPDATE = """
mutation($id: ID!, $attributes: WebhookUpdateAttributes!) {
  webhookUpdate(input: {webhookId: $id, attributes: $attributes}) { status webhook { enabled disabledReason } }
}
"""


async def reset(connection: HostileConnection) -> None:
    await connection.read_request()
    connection.reset()


OUTCOMES: list[Any] = [
    pytest.param(
        answering(b"HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nnope"), 500, None, "FAILED", id="server error"
    ),
    pytest.param(answering(then_hang=True), None, "TIMEOUT", "FAILED", id="no answer"),
    pytest.param(reset, None, "RESET", "FAILED", id="reset"),
    pytest.param(answering(b"SSH-2.0-OpenSSH_9.9\r\n"), None, "PROTOCOL", "FAILED", id="not HTTP"),
    pytest.param(
        answering_without_end(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", b"x" * 65536),
        200,
        None,
        "DELIVERED",
        id="a gigabyte",
    ),
]


async def create(platform: Platform, url: str, **attributes: Any) -> str:
    webhook_id: str = (await platform.create_webhook(url, QUERY, **attributes))["webhook"]["id"]
    return webhook_id


async def make_due(platform: Platform) -> None:
    await platform.conn.execute("update webhook_events set due_at = clock_timestamp() where state = 'RETRYING'")


def failing(status: int, *, times: int) -> Any:
    """Answer so many times with a status, then with 200."""
    answers = iter([status] * times)

    async def answer(_: Delivery) -> web.StreamResponse:
        return web.Response(status=next(answers, 200), text="body")

    return answer


async def test_envelope_and_headers_are_exactly_these(platform: Platform, receiver: Receiver) -> None:
    created = await platform.create_webhook(receiver.url(), QUERY, headers={"X-Shop": "blue", "Authorization": "t"})

    invoice = await create_invoice(platform.conn, total_cents=1500)

    (delivery,) = await receiver.wait_for()
    event = await platform.conn.fetchrow("select * from webhook_events")
    assert event is not None
    event_id = global_ids.encode("WebhookEvent", event["id"])
    assert Verifier(created["hmacKey"]).verify(delivery.body, delivery.headers) == {
        "id": event_id,
        "event_name": "create",
        "type": "invoice.create",
        "timestamp": event["changed_at"].isoformat().replace("+00:00", "Z"),
        "sequence": event["id"],
        "entity": {"type": "Invoice", "id": global_ids.encode("Invoice", invoice.id)},
        "changed": {"added": [], "updated": [], "removed": []},
        "payload": {"data": {"node": {"id": global_ids.encode("Invoice", invoice.id), "totalCents": 1500}}},
    }
    headers = dict(delivery.headers)
    version, trace, span, flags = headers.pop("traceparent").split("-")
    assert (version, len(trace), len(span), flags) == ("00", 32, 16, "01")
    assert abs(int(headers.pop("webhook-timestamp")) - time.time()) < 60
    assert headers.pop("webhook-signature").startswith("v1,")
    assert headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(delivery.body)),
        "user-agent": f"Tellgraph/{__version__}",
        "webhook-id": event_id,
        "idempotency-key": event_id,
        "tellgraph-sequence": str(event["id"]),
        "tellgraph-attempt": "1",
        "tellgraph-digest": event["payload_digest"].hex(),
        "x-shop": "blue",
        "authorization": "t",
    }


async def test_subscriber_reads_event_attempt_and_payload(platform: Platform, receiver: Receiver) -> None:
    webhook_id = await create(platform, receiver.url())

    invoice = await create_invoice(platform.conn, total_cents=1500)

    event = await read_closed_event(platform, webhook_id)
    invoice_id = global_ids.encode("Invoice", invoice.id)
    (attempt,) = event.pop("attempts")
    assert attempt.pop("finishedAt") is not None
    assert attempt == {"number": 1, "status": 200, "errorKind": None, "error": None, "responseBody": "ok"}
    assert event == {
        "id": receiver.deliveries[0].json["id"],
        "eventName": "create",
        "state": "DELIVERED",
        "reason": None,
        "attemptCount": 1,
        "lastStatus": 200,
        "entityId": invoice_id,
        "payload": {"data": {"node": {"id": invoice_id, "totalCents": 1500}}},
    }


@pytest.mark.parametrize(("behaviour", "status", "error_kind", "state"), OUTCOMES)
async def test_hostile_endpoint_costs_one_attempt_and_nobody_else(
    platform: Platform, receiver: Receiver, behaviour: Behaviour, status: int, error_kind: str, state: str
) -> None:
    async with hostile_server(behaviour) as server:
        webhook_id = await create(platform, server.url, timeoutSeconds=1, maxRetries=0)
        await create(platform, receiver.url())

        await create_invoice(platform.conn)

        await receiver.wait_for()
        event = await read_closed_event(platform, webhook_id)
        assert (event["state"], event["attemptCount"], event["lastStatus"]) == (state, 1, status)
        (attempt,) = event["attempts"]
        assert (attempt["status"], attempt["errorKind"]) == (status, error_kind)
        assert len(server.requests) == 1
        assert len(receiver.deliveries) == 1


async def test_redirect_is_not_followed(platform: Platform, receiver: Receiver) -> None:
    location = f"HTTP/1.1 307 T\r\nLocation: {receiver.url('/target')}\r\nContent-Length: 0\r\n\r\n"
    async with hostile_server(answering(location.encode())) as server:
        webhook_id = await create(platform, server.url, maxRetries=0)
        await create(platform, receiver.url("/healthy"))

        await create_invoice(platform.conn)

        event = await read_closed_event(platform, webhook_id)
        await receiver.wait_for(lambda one: one.path == "/healthy")
        assert (event["state"], event["lastStatus"]) == ("FAILED", 307)
        assert len(server.requests) == 1
        assert [one.path for one in receiver.deliveries] == ["/healthy"]


async def test_nobody_listens_is_an_attempt_of_its_own_kind(platform: Platform, receiver: Receiver) -> None:
    async with hostile_server(reset) as gone:
        webhook_id = await create(platform, gone.url, maxRetries=0)

    await create_invoice(platform.conn)

    event = await read_closed_event(platform, webhook_id)
    (attempt,) = event["attempts"]
    assert (event["state"], attempt["status"], attempt["errorKind"]) == ("FAILED", None, "CONNECT")


async def test_retry_sends_the_same_bytes_under_the_same_id_with_a_fresh_signature(
    platform: Platform, receiver: Receiver
) -> None:
    receiver.answering = failing(503, times=2)
    created = await platform.create_webhook(receiver.url(), QUERY)
    await create_invoice(platform.conn)
    # The first retry is immediate, so these two need nobody's help.
    first, second = await receiver.wait_for(count=2)
    await until(lambda: platform.conn.fetchval("select state = 'RETRYING' and attempt_count = 2 from webhook_events"))

    async def clock_has_moved() -> bool:
        return int(time.time()) > int(first.headers["webhook-timestamp"])

    await until(clock_has_moved)
    await make_due(platform)

    third = (await receiver.wait_for(count=3))[2]
    event = await read_closed_event(platform, created["webhook"]["id"])
    assert [attempt["status"] for attempt in event["attempts"]] == [503, 503, 200]
    assert [attempt["number"] for attempt in event["attempts"]] == [1, 2, 3]
    assert first.body == second.body == third.body
    assert [one.headers["tellgraph-attempt"] for one in receiver.deliveries] == ["1", "2", "3"]
    assert {one.headers["webhook-id"] for one in receiver.deliveries} == {event["id"]}
    assert int(third.headers["webhook-timestamp"]) > int(first.headers["webhook-timestamp"])
    assert third.headers["webhook-signature"] != first.headers["webhook-signature"]
    for one in receiver.deliveries:
        Verifier(created["hmacKey"]).verify(one.body, one.headers)


async def test_second_retry_waits_its_five_seconds(platform: Platform, receiver: Receiver) -> None:
    receiver.answering = failing(503, times=2)
    await create(platform, receiver.url())

    await create_invoice(platform.conn)

    await until(lambda: platform.conn.fetchval("select state = 'RETRYING' and attempt_count = 2 from webhook_events"))
    delay_s = await platform.conn.fetchval(
        "select extract(epoch from due_at - (select max(finished_at) from delivery_attempts)) from webhook_events"
    )
    assert 4 <= delay_s <= 6.1


async def test_last_retry_that_fails_is_final(platform: Platform, receiver: Receiver) -> None:
    receiver.answering = failing(500, times=2)
    webhook_id = await create(platform, receiver.url(), maxRetries=1)

    await create_invoice(platform.conn)

    event = await read_closed_event(platform, webhook_id)
    assert (event["state"], event["attemptCount"]) == ("FAILED", 2)
    assert [(one["status"], one["responseBody"]) for one in event["attempts"]] == [(500, "body"), (500, "body")]
    await create_invoice(platform.conn)
    await receiver.wait_for(count=3)
    assert len({one.headers["webhook-id"] for one in receiver.deliveries[:2]}) == 1


async def test_gone_disables_the_webhook_and_holds_what_waits_until_it_is_enabled(
    platform: Platform, receiver: Receiver
) -> None:
    another_waits = asyncio.Event()

    async def gone_at_first(_: Delivery) -> web.StreamResponse:
        if len(receiver.deliveries) > 1:
            return web.Response()
        await another_waits.wait()
        return web.Response(status=410)

    reader = platform.conn
    receiver.answering = gone_at_first
    webhook_id = await create(platform, receiver.url(), concurrentSendLimit=1)
    async with reader.transaction():
        await create_invoice(reader)
        await create_invoice(reader)
    await until(
        lambda: reader.fetchval("select array_agg(state order by id) = '{SENDING,PENDING}' from webhook_events")
    )
    another_waits.set()

    disabled = await until(lambda: reader.fetchval("select disabled_reason from webhooks where not is_enabled"))
    states = [event["state"] for event in await read_events(platform, webhook_id)]
    assert disabled == "The endpoint answered 410 Gone."
    assert sorted(states) == ["FAILED", "HELD"]
    assert len(receiver.deliveries) == 1

    enabled = await platform.data(UPDATE, {"id": webhook_id, "attributes": {"enabled": True}})
    await receiver.wait_for(count=2)
    assert enabled["webhookUpdate"]["webhook"] == {"enabled": True, "disabledReason": None}
    await until(lambda: reader.fetchval("select count(*) = 1 from webhook_events where state = 'DELIVERED'"))
    assert len({one.headers["webhook-id"] for one in receiver.deliveries}) == 2
