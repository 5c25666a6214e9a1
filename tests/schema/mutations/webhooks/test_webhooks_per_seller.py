"""A seller has at most so many webhooks, whoever registers them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from schema.entities import global_ids
from tests.builders.sellers import create_seller
from tests.support.platform import Platform, running_platform, settings_for

URL = "https://hooks.example.com/in"
FULL = (
    "The seller has 2 webhooks, and may have 2 (TELLGRAPH_MAX_WEBHOOKS_PER_SELLER)."
    " Delete one of them, or change one instead."
)


@pytest.fixture
async def narrow(database_url: str) -> AsyncIterator[Platform]:
    """An API under which a seller may have two webhooks."""
    async with running_platform(settings_for(database_url, max_webhooks_per_seller=2), with_worker=False) as running:
        yield running


async def register(api: Platform, seller_id: int | None, key: str | None = None) -> Any:
    """Register a webhook for a seller; with None and no key, for the operator."""
    given = {} if seller_id is None else {"sellerId": global_ids.encode("Seller", seller_id)}
    return await api.create_webhook(URL, key=key, **given)


async def test_one_too_many_is_refused_with_what_to_do(narrow: Platform) -> None:
    seller, other = await create_seller(narrow.conn), await create_seller(narrow.conn)
    key = await narrow.seller_key(seller.id)
    made = [await register(narrow, None, key), await register(narrow, seller.id)]

    refused = [await register(narrow, None, key), await register(narrow, seller.id)]
    of_others = [await register(narrow, other.id), *[await register(narrow, None) for _ in range(3)]]

    assert [one["status"] for one in made] == [200, 200]
    assert [(one["status"], one["errors"]) for one in refused] == [
        (409, [{"field": "base", "messages": [FULL]}]),
        (409, [{"field": "base", "messages": [FULL]}]),
    ]
    assert [one["status"] for one in of_others] == [200] * 4
    assert await narrow.conn.fetchval("select count(*) from webhooks where seller_id = $1", seller.id) == 2


async def test_a_deleted_one_makes_room_and_a_disabled_one_does_not(narrow: Platform) -> None:
    seller = await create_seller(narrow.conn)
    first, second = [(await register(narrow, seller.id))["webhook"]["id"] for _ in range(2)]

    await narrow.mutate("webhookUpdate", "webhook { id }", webhookId=second, attributes={"enabled": False})
    disabled = await register(narrow, seller.id)
    await narrow.mutate("webhookDelete", "webhook { id }", webhookId=first)
    deleted = await register(narrow, seller.id)

    assert (disabled["status"], deleted["status"]) == (409, 200)


async def test_many_at_once_do_not_pass_the_limit(narrow: Platform) -> None:
    seller = await create_seller(narrow.conn)

    answers = await asyncio.gather(*(register(narrow, seller.id) for _ in range(8)))

    assert sorted(one["status"] for one in answers) == [200] * 2 + [409] * 6
    assert await narrow.conn.fetchval("select count(*) from webhooks") == 2
