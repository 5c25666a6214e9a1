"""An integrator's whole story, in the installed package: register, ship, receive, verify, replay, roll the secret,
take by the feed, read lists. Prints what it has seen as JSON.
"""

import asyncio
import json
import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from tellgraph_client import (
    AsyncFeed,
    AsyncTellgraph,
    Delivery,
    GraphQLError,
    PayloadError,
    Receiver,
    TransportError,
    VerificationError,
    graphql,
)
from tellgraph_client.graphql import InvoiceChanged

URL, KEY = os.environ["GRAPHQL_URL"], os.environ["KEY"]
Invoice = Delivery[InvoiceChanged]


class Endpoint:
    """Keeps what verifies by every receiver that it has."""

    def __init__(self) -> None:
        self.receivers: list[Receiver[InvoiceChanged]] = []
        self.received: list[Invoice] = []
        self.heard = asyncio.Condition()
        self.app = FastAPI()
        self.app.post("/", status_code=204)(self.receive)

    async def receive(self, request: Request) -> None:
        body = await request.body()
        try:
            verified = [receiver.verify(body, request.headers) for receiver in self.receivers]
        except VerificationError as error:
            raise HTTPException(401) from error
        async with self.heard:
            self.received.append(verified[0])
            self.heard.notify_all()

    async def arrived(self, wanted: Callable[[Invoice], bool], count: int = 1) -> Invoice:
        """Wait until so many deliveries have arrived that are wanted; the last of them."""
        async with self.heard:
            await self.heard.wait_for(lambda: len([one for one in self.received if wanted(one)]) >= count)
        return [one for one in self.received if wanted(one)][count - 1]


def notes(delivery: Invoice) -> list[str | None]:
    node = delivery.payload.data and delivery.payload.data.node
    return [shipment.note for shipment in node.shipments] if isinstance(node, graphql.InvoiceFields) else []


async def register(client: AsyncTellgraph, **where: object) -> tuple[str, str]:
    attributes = graphql.WebhookCreateAttributes.model_validate(
        {"type": "INVOICE", "queryString": graphql.INVOICE_CHANGED_GQL, **where}
    )
    made = await client.webhook_create(graphql.WebhookCreateMutationInput(attributes=attributes))
    assert made.hmac_key is not None
    return made.webhook.id, made.hmac_key


async def ship(client: AsyncTellgraph) -> str:
    """Ship twice under one key: it is one shipment."""
    invoice = await client.invoice(os.environ["INVOICE"])
    assert isinstance(invoice, graphql.InvoiceFields)
    given = graphql.ShipmentCreateMutationInput(
        invoice_id=invoice.id,
        dispatched_at=datetime.now(UTC),
        postage_carrier_id=os.environ["CARRIER"],
        tracking_number="TG-1",
        note="first",
        shipped_items=[
            graphql.ShippedItemInput(line_item_id=item.id, quantity=item.quantity) for item in invoice.line_items
        ],
    )
    shipments = {(await client.shipment_create(given, idempotency_key="order-1")).shipment.id for _ in range(2)}
    (shipment,) = shipments
    return shipment


async def take(client: AsyncTellgraph, webhook: str, receiver: Receiver[InvoiceChanged], note: str) -> list[str]:
    """Take messages up to the one with this note; their ids."""
    taken = []
    async with AsyncFeed(client, webhook, receiver) as feed:
        async for delivery in feed:
            taken.append(delivery.id)
            if note in notes(delivery):
                break
    return taken


async def attempted(client: AsyncTellgraph, event_id: str) -> list[int | None]:
    """Read an event until each of its attempts has its answer, which is noted after it has arrived; their statuses."""
    while True:
        event = await client.webhook_event(event_id)
        assert isinstance(event, graphql.WebhookEventFields)
        statuses = [one.status for one in event.attempts]
        if None not in statuses:
            return statuses


async def fail(url: str, key: str, attributes: graphql.WebhookCreateAttributes) -> list[object]:
    async with AsyncTellgraph(url, key, retries=0) as client:
        try:
            await client.webhook_create(graphql.WebhookCreateMutationInput(attributes=attributes))
        except PayloadError as error:
            return [error.mutation, error.status, [one.field for one in error.errors]]
        except GraphQLError as error:
            return [error.status, error.codes]
        except TransportError as error:
            return ["transport", error.status]
    return []


async def tell(client: AsyncTellgraph, endpoint: Endpoint, url: str) -> dict[str, object]:
    pushed, old = await register(client, url=url)
    pulled, secret = await register(client, delivery="PULL")
    endpoint.receivers.append(Receiver(InvoiceChanged, old))
    shipment = await ship(client)
    first = await endpoint.arrived(lambda one: "first" in notes(one))

    # The feed: an error rejects the message, which comes again.
    receiver, failed = Receiver(InvoiceChanged, secret), ""
    try:
        async with AsyncFeed(client, pulled, receiver) as feed:
            async for delivery in feed:
                raise ValueError(delivery.id)
    except ValueError as error:
        failed = str(error)
    taken = await take(client, pulled, receiver, "first")

    # Roll the secret. In the overlap a delivery verifies by both.
    rotation = graphql.WebhookSecretRotateMutationInput(webhook_id=pushed, overlap_seconds=3600)
    rolled = await client.webhook_secret_rotate(rotation)
    endpoint.receivers.append(Receiver(InvoiceChanged, rolled.hmac_key or ""))
    await client.shipment_update(graphql.ShipmentUpdateMutationInput(shipment_id=shipment, note="second"))
    second = await endpoint.arrived(lambda one: "second" in notes(one))

    await client.webhook_event_replay(graphql.WebhookEventReplayMutationInput(webhook_event_id=first.id))
    await endpoint.arrived(lambda one: one.id == first.id, 2)
    statuses = await attempted(client, first.id)

    taken += await take(client, pulled, receiver, "second")

    # Lists, a page of one at a time.
    states = [one.state async for one in client.each(client.webhook_events, webhook_id=pulled, first=1)]
    wrong = graphql.WebhookCreateAttributes(type_=graphql.WebhookKlassEnum.INVOICE, url="mailto:x")
    errors = [
        await fail(URL, KEY, wrong),
        await fail(URL, "wrong", wrong),
        await fail("http://127.0.0.1:9/", KEY, wrong),
    ]
    for webhook in (pushed, pulled):
        await client.webhook_delete(graphql.WebhookDeleteMutationInput(webhook_id=webhook))
    return {
        "shipments": 1,
        "is_newer": second.sequence > first.sequence,
        "first_arrived": len([one for one in endpoint.received if one.id == first.id]),
        "attempts": statuses,
        "failed_came_again": failed in taken,
        "events": sorted(set(states)),
        "pages": len(states) == len(set(taken)),
        "errors": errors,
    }


async def main() -> None:
    endpoint = Endpoint()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(endpoint.app, log_level="warning"))
        serving = asyncio.create_task(server.serve([listening]))
        async with AsyncTellgraph(URL, KEY) as client:
            told = await tell(client, endpoint, f"http://127.0.0.1:{listening.getsockname()[1]}/")
        server.should_exit = True
        await serving
    print(json.dumps(told))  # noqa: T201  # its answer


asyncio.run(main())
