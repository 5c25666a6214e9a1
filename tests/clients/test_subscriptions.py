"""The usual clients of subscriptions are told of events, and of a wrong key, by both transports."""

import asyncio
from typing import Any

import pytest

from tests.builders.deliveries import create_due_events, create_subscription
from tests.clients import needs_node_packages, run_client
from tests.support.platform import Platform

LIBRARIES = ("graphql-sse", "graphql-ws", "urql", "urql-fetch", "apollo-3", "apollo-4")


@needs_node_packages
@pytest.mark.parametrize("library", LIBRARIES)
async def test_client_is_told_of_events(api: Platform, library: str) -> None:
    client = asyncio.ensure_future(
        run_client(
            "node",
            "subscriptions/listen.mjs",
            GRAPHQL_URL=f"{api.url}/graphql",
            GRAPHQL_KEY=api.key,
            LIBRARY=library,
        )
    )

    told: Any = await _while_events_are_made(api, client)

    assert (told["error"], told["data"]["webhookActivity"]["state"]) == (None, "PENDING")
    assert told["refused"] is not None, "the wrong key"


async def _while_events_are_made(api: Platform, client: "asyncio.Future[Any]") -> Any:
    """Wait for the client, which says nothing when it is subscribed."""
    webhook = await create_subscription(api.conn, "https://receiver.example")
    entity = 0
    while not client.done():
        entity += 1
        await create_due_events(api.conn, webhook, first_entity=entity)
        await asyncio.wait([client], timeout=0.2)
    return await client
