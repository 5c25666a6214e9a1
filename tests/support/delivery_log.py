"""Read a webhook's deliveries through the API, as a subscriber does."""

from typing import Any

from tests.support.platform import Platform
from tests.support.waiting import until

_EVENTS = """
query($id: ID!) {
  webhookEvents(webhookId: $id) {
    nodes {
      id eventName state reason attemptCount lastStatus entityId
      payload
      attempts { number status errorKind error responseBody finishedAt }
    }
  }
}
"""
OPEN = ("PENDING", "SENDING", "RETRYING")


async def read_events(platform: Platform, webhook_id: str) -> list[dict[str, Any]]:
    """A webhook's events, in the order of the API."""
    data = await platform.data(_EVENTS, {"id": webhook_id})
    nodes: list[dict[str, Any]] = data["webhookEvents"]["nodes"]
    return nodes


async def read_closed_event(platform: Platform, webhook_id: str) -> dict[str, Any]:
    """The one event of a webhook, as soon as there is nothing more to do for it."""

    async def closed() -> list[dict[str, Any]]:
        return [event for event in await read_events(platform, webhook_id) if event["state"] not in OPEN]

    (event,) = await until(closed)
    return event
