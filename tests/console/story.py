"""A marketplace with webhooks that work and webhooks that do not, as its people would find it on a bad day."""

from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import web

from schema.entities import global_ids
from tests.builders.sales import Sale, create_sale
from tests.builders.sellers import create_seller
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { id totalCents shipments { trackingNumber } } } }"
BROKEN_ANSWER = "the till is on fire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Two sellers, an invoice of each, and four webhooks. Their ids are global ids.

    Attributes:
        working: The operator's; the invoices of both sellers have been delivered.
        failing: The operator's at `/down`, which answers 503 with BROKEN_ANSWER; its events are `RETRYING`.
        disabled: The operator's, disabled by hand.
        lamps_webhook: The seller Lamps'; its invoice has been delivered.
    """

    platform: Platform
    receiver: Receiver
    lamps: Sale
    chairs: Sale
    lamps_key: str
    chairs_key: str
    working: str
    failing: str
    disabled: str
    lamps_webhook: str

    @property
    def url(self) -> str:
        return self.platform.url

    @property
    def key(self) -> str:
        """The operator's."""
        return self.platform.key

    @property
    def conn(self) -> asyncpg.Connection:
        return self.platform.conn

    async def event_of(self, webhook_id: str) -> str:
        """Return the global id of the newest event of a webhook."""
        _, key = global_ids.decode(webhook_id)
        found = await self.conn.fetchval("select max(id) from webhook_events where webhook_id = $1", key)
        return global_ids.encode("WebhookEvent", found)


async def tell_story(platform: Platform, receiver: Receiver) -> Story:
    """Tell the story up to where the working webhooks have delivered and the failing one waits for its next retry."""
    receiver.answering = _answer
    lamps_seller = await create_seller(platform.conn, business_name="Lamps & Co")
    chairs_seller = await create_seller(platform.conn, business_name="Chairs Unlimited")
    lamps_key = await platform.seller_key(lamps_seller.id)
    working = await _register(platform, receiver.url("/erp"), description="ERP sync")
    failing = await _register(platform, receiver.url("/down"), description="Tills")
    disabled = await _register(platform, receiver.url("/old"), description="The old ERP", enabled=False)
    lamps_webhook = await _register(platform, receiver.url("/lamps"), key=lamps_key, description="Lamps' stock")
    # In one transaction: one event for each webhook that is told.
    async with platform.conn.transaction():
        lamps = await create_sale(platform.conn, seller=lamps_seller)
        chairs = await create_sale(platform.conn, seller=chairs_seller)
    story = Story(
        platform=platform,
        receiver=receiver,
        lamps=lamps,
        chairs=chairs,
        lamps_key=lamps_key,
        chairs_key=await platform.seller_key(chairs_seller.id),
        working=working,
        failing=failing,
        disabled=disabled,
        lamps_webhook=lamps_webhook,
    )
    await until(lambda: platform.conn.fetchval(_IS_TOLD))
    return story


_IS_TOLD = """
    select (select count(*) from webhook_events where state = 'DELIVERED') = 3
           and (select count(distinct webhook_event_id) from delivery_attempts where status = 503) = 2
"""


async def _answer(delivery: Delivery) -> web.StreamResponse:
    if delivery.path == "/down":
        return web.Response(status=503, text=BROKEN_ANSWER)
    return web.Response(text="ok")


async def _register(platform: Platform, url: str, *, key: str | None = None, **attributes: Any) -> str:
    created = await platform.create_webhook(url, QUERY, key, **attributes)
    assert created["status"] == 200, created
    return str(created["webhook"]["id"])
