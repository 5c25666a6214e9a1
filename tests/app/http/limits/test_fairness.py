"""One key's expensive operations keep no other key waiting."""

import asyncio

import pytest

from app.docs.links import error_extensions
from schema.engine.documents import Documents
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.large_operations import nested_variants, new
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.waiting import until

SMALL = "{ apiKeyPrincipal { __typename } }"


async def shop_key(api: Platform) -> str:
    advert = await create_advert(api.conn)
    for _ in range(60):
        await create_variant(api.conn, advert_id=advert.id)
    return await api.seller_key(advert.seller_id)


async def test_small_requests_are_answered_beside_six_expensive_ones(api: Platform) -> None:
    busy, other = await shop_key(api), await api.seller_key((await create_seller(api.conn)).id)
    await api.data(SMALL, key=other)

    expensive = asyncio.gather(*(api.graphql(new(nested_variants()), key=busy) for _ in range(6)))
    answered = 0
    while not expensive.done():
        await api.data(SMALL, key=other)
        answered += 1

    assert [("errors" in one) for one in await expensive] == [False] * 6
    # Where expensive operations hold the loop, two or three are answered meanwhile.
    assert answered > 30


async def test_operations_of_a_key_wait_for_a_place_and_are_refused_in_the_end(database_url: str) -> None:
    settings = settings_for(database_url, rate_concurrent=1, rate_wait_s=0.3)
    async with running_platform(settings, with_worker=False) as api:
        key, other = [await api.seller_key((await create_seller(api.conn)).id) for _ in range(2)]
        text = "{ variantsWhere { nodes { id } } }"
        await asyncio.gather(api.data(text, key=key), api.data(text, key=other))

        async with api.conn.transaction():
            await api.conn.execute("lock table variants")
            first = asyncio.create_task(api.data(text, key=key))
            await statement_waits(api)
            second = await api.post(text, key=key)
            # Another key has places of its own.
            assert await api.data(SMALL, key=other) == {"apiKeyPrincipal": {"__typename": "APIKeyPrincipal"}}

        assert await first == {"variantsWhere": {"nodes": []}}
        assert (second.status_code, second.headers["retry-after"]) == (429, "1")
        assert second.json()["errors"][0]["extensions"] == error_extensions("RATE_LIMITED")


async def statement_waits(api: Platform) -> None:
    """Wait until a statement of the API waits for the lock."""
    waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    await until(lambda: api.conn.fetchval(waiting))


async def test_an_internal_error_of_reading_is_answered_in_graphql_s_form(
    api: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr(Documents, "read", fail)

    answer = await api.graphql(new("{ __typename }"))

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["INTERNAL_SERVER_ERROR"]


async def test_two_connections_are_enough_for_many_operations_of_each_kind(database_url: str) -> None:
    async with running_platform(settings_for(database_url, database_pool_size=2), with_worker=False) as api:
        key = await shop_key(api)

        created = await asyncio.gather(*(api.create_webhook("https://a.example.com", key=key) for _ in range(6)))
        answers = await asyncio.gather(*(api.graphql(new(SMALL), key=key) for _ in range(20)))

    assert [one["status"] for one in created] == [200] * 6
    assert ["errors" in answer for answer in answers] == [False] * 20
