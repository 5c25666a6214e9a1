"""The bucket of cost points of each API key, over HTTP."""

import asyncio
from itertools import pairwise

import httpx
import pytest
from prometheus_client import REGISTRY
from redis.asyncio import Redis

from tests.builders.sellers import create_seller
from tests.support.large_operations import new
from tests.support.platform import running_platform, settings_for
from tests.support.servers import PrivateServers
from tests.support.waiting import until

#: An operation that costs 102 points.
TEXT = "{ invoices(first: 100) { nodes { id } } }"
COST = 102
#: Room for nine of them; it does not refill while a test runs.
SMALL = {"rate_bucket": 1_000, "rate_refill": 1}


def left(response: httpx.Response) -> int:
    return int(response.json()["extensions"]["cost"]["bucket"]["left"])


async def test_an_answer_tells_what_is_left_in_the_bucket(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, **SMALL)
    async with running_platform(settings, with_worker=False) as api:
        await api.post("{ __typename }")

        answers = [(await api.post(TEXT)).json()["extensions"]["cost"] for _ in range(4)]

    assert answers[1] == {
        "requested": COST,
        "maximum": 100_000,
        "bucket": {"size": 1_000, "left": answers[1]["bucket"]["left"], "refillPerSecond": 1},
    }
    lefts = [one["bucket"]["left"] for one in answers]
    # A point may come back meanwhile.
    assert {before - after for before, after in pairwise(lefts)} <= {COST, COST - 1}


async def test_an_empty_bucket_refuses_until_it_has_refilled(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, **SMALL)
    async with running_platform(settings, with_worker=False) as api:
        other = await api.seller_key((await create_seller(api.conn)).id)
        before = REGISTRY.get_sample_value("tellgraph_refused_requests_total", {"status": "429"}) or 0

        answers = [await api.post(TEXT) for _ in range(11)]
        beside = await api.post(TEXT, key=other)

    statuses = [answer.status_code for answer in answers]
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 429}
    refused = answers[-1]
    assert refused.json()["errors"][0]["extensions"]["code"] == "RATE_LIMITED"
    # It lacks some points, and refills by one per second.
    assert 1 <= int(refused.headers["retry-after"]) <= COST
    assert beside.status_code == 200
    after = REGISTRY.get_sample_value("tellgraph_refused_requests_total", {"status": "429"})
    assert after == before + statuses.count(429)


async def test_processes_share_the_bucket(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, **SMALL)
    async with (
        running_platform(settings, with_worker=False) as one,
        running_platform(settings, with_worker=False) as two,
    ):
        for _ in range(9):
            await one.post(TEXT)

        async def is_known() -> bool:
            answer = await two.post("{ __typename }", key=one.key)
            return answer.status_code == 429 or left(answer) < COST

        await until(is_known)
        answer = await two.post(TEXT, key=one.key)

    assert answer.status_code == 429


async def test_a_text_that_must_be_read_spends_a_point_for_each_character(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, **SMALL)
    async with running_platform(settings, with_worker=False) as api:
        await api.post("{ __typename }")
        text = new("{ __typename }".ljust(400))

        first, second, wrong, third = [await api.post(one) for one in (text, text, "{" + "a" * 400, "{ __typename }")]

    assert left(first) - left(second) in (0, 1)
    assert wrong.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
    assert 399 <= left(second) - left(third) <= 403


async def test_a_bucket_of_no_points_is_no_limit(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, rate_bucket=0)
    async with running_platform(settings, with_worker=False) as api:
        answer = await api.graphql(TEXT)

    assert answer["extensions"] == {"cost": {"requested": COST, "maximum": 100_000}}


async def test_without_redis_all_requests_pass(
    private_servers: PrivateServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.http.limits.rate_limit._REST_S", 0.05)
    settings = settings_for(private_servers.database_url, private_servers.redis_url, **SMALL)

    async def is_told(unshared: int) -> bool:
        await api.post(TEXT)
        return REGISTRY.get_sample_value("tellgraph_rate_limit_unshared") == unshared

    async with running_platform(settings, with_worker=False) as api:
        assert {(await api.post(TEXT)).status_code for _ in range(11)} == {200, 429}

        await asyncio.to_thread(private_servers.redis.stop)
        await until(lambda: is_told(1))
        answers = [await api.post(TEXT) for _ in range(20)]
        assert [answer.status_code for answer in answers] == [200] * 20
        assert "bucket" not in answers[0].json()["extensions"]["cost"]

        await asyncio.to_thread(private_servers.redis.start)
        await until(lambda: is_told(0))
        assert {(await api.post(TEXT)).status_code for _ in range(11)} == {200, 429}


async def test_a_full_bucket_takes_no_room_in_redis(database_url: str, redis_url: str) -> None:
    settings = settings_for(database_url, redis_url, rate_refill=10_000_000)
    async with running_platform(settings, with_worker=False) as api, Redis.from_url(redis_url) as redis:
        await api.post(TEXT)

        async def names() -> list[bytes]:
            return [name async for name in redis.scan_iter("tellgraph:rate:*")]

        await until(names)
        (name,) = await names()
        assert 0 < await redis.pttl(name) <= 2_000
