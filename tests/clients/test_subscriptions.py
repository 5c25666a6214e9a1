"""The usual clients of subscriptions take a message and acknowledge it, by both transports, and see a wrong key."""

import pytest

from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_pulled_subscription
from tests.clients import needs_node_packages, run_client
from tests.support.platform import Platform

LIBRARIES = ("graphql-sse", "graphql-ws", "urql", "urql-fetch", "apollo-3", "apollo-4")


@needs_node_packages
@pytest.mark.parametrize("library", LIBRARIES)
async def test_client_takes_and_acknowledges_a_message(api: Platform, library: str) -> None:
    webhook = await create_pulled_subscription(api.conn)
    (event,) = await create_due_events(api.conn, webhook)

    told = await run_client(
        "node",
        "subscriptions/listen.mjs",
        GRAPHQL_URL=f"{api.url}/graphql",
        GRAPHQL_KEY=api.key,
        WEBHOOK=global_ids.encode("Webhook", webhook.id),
        LIBRARY=library,
    )

    assert told["error"] is None
    assert global_ids.encode("WebhookEvent", event) in told["message"]["body"]
    assert told["answer"]["webhookMessagesAcknowledge"]["acknowledgedIds"] == [told["message"]["id"]]
    assert await api.conn.fetchval("select state from webhook_events") == "DELIVERED"
    assert told["refused"], "the wrong key"
