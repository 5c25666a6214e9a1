"""No spelling of a forbidden endpoint gets past: not when it is saved, nor, written by hand, when it is sent to."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import pytest

from app.settings import Settings
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.dns_server import records, silence
from tests.support.egress_scene import Scene, open_scene
from tests.support.platform import Platform, running_platform, running_worker, settings_for
from tests.support.spellings import REFUSED_HOSTS, REFUSED_URLS
from tests.support.waiting import until

#: By name, each a name that anybody may own: what its owner has its name server answer.
NAMES: dict[str, list[str]] = {
    "inside.example.com": ["127.0.0.1"],
    "inside6.example.com": ["::1"],
    "private.example.com": ["10.0.0.1"],
    "metadata.example.com": ["169.254.169.254"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nat64.example.com": ["64:ff9b::7f00:1"],
    "sixtofour.example.com": ["2002:7f00:1::"],
    "teredo.example.com": ["2001::7f00:1"],
    "isatap.example.com": ["2606:4700::5efe:7f00:1"],
    "mix.example.com": ["9.9.9.9", "127.0.0.1"],
    "mix6.example.com": ["2606:4700::1111", "::1"],
    "127.0.0.1.example.com": ["127.0.0.1"],
    "xn--bcher-kva.example": ["127.0.0.1"],
    "dot.example.com.": ["127.0.0.1"],
}


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


def settings(database_url: str, redis_url: str, scene: Scene) -> Settings:
    """As an operator has them who opened nothing but http."""
    given = settings_for(
        database_url, redis_url, allow_http=True, name_servers=(f"127.0.0.1:{scene.dns.port}",), deliver_lease_s=3600
    )
    return given.model_copy(update={"egress_allow": ()})


def opened(given: Settings) -> Settings:
    """The same, with the receiver's network opened."""
    return given.model_copy(update={"egress_allow": settings_for("postgresql://unused").egress_allow})


def spelled(port: int) -> list[str]:
    """The URLs of all spellings, with the port of a receiver on 127.0.0.1 where there is a place for one."""
    plain = [host for host in REFUSED_HOSTS if not {*"#@\\%"} & {*host} and (":" not in host or host.endswith("]"))]
    return [
        *(f"http://{host}:{port}/" for host in plain),
        *(f"http://{host}/" for host in REFUSED_HOSTS),
        *(url.replace("https", "http", 1) for url in REFUSED_URLS),
    ]


async def saved(platform: Platform, urls: Sequence[str]) -> list[Any]:
    """Register a webhook for each URL, and return the answers but those that refuse the URL."""
    answers = [await platform.create_webhook(url, "") for url in urls]
    return [
        (url, answer)
        for url, answer in zip(urls, answers, strict=True)
        if answer["webhook"] or [error["field"] for error in answer["errors"]] != ["attributes.url"]
    ]


async def test_every_spelling_is_refused_when_it_is_saved(database_url: str, redis_url: str, scene: Scene) -> None:
    urls = spelled(scene.receiver.port)

    async with running_platform(settings(database_url, redis_url, scene), with_worker=False) as platform:
        accepted = await saved(platform, urls)
        count = await platform.conn.fetchval("select count(*) from webhooks")

    assert len(urls) > 400
    assert (accepted, count, scene.dns.asked) == ([], 0, [])


async def test_every_spelling_and_name_is_refused_when_it_is_sent_to(
    conn: asyncpg.Connection, database_url: str, redis_url: str, scene: Scene
) -> None:
    # If a name of the spellings is looked up, it leads to the receiver.
    scene.dns.others = records("127.0.0.1")
    scene.dns.names |= {name.removesuffix("."): [records(*addresses)] for name, addresses in NAMES.items()}
    named = [scene.url(name) for name in NAMES]
    # PostgreSQL has no NUL in a text.
    urls = [url for url in spelled(scene.receiver.port) if "\0" not in url]
    for url in (*urls, *named):
        await create_due_events(conn, await create_subscription(conn, url, max_retries=0))

    async with running_worker(settings(database_url, redis_url, scene)):
        await until(lambda: _all_ended(conn))

    attempts = await conn.fetch(
        "select w.url, a.error_kind, a.status, a.number from delivery_attempts a join webhook_events e "
        "on e.id = a.webhook_event_id join webhooks w on w.id = e.webhook_id"
    )
    # Of a name, nobody is told whether it has an address inside or none.
    expected = [*((url, "REFUSED_ADDRESS", None, 1) for url in urls), *((url, "DNS", None, 1) for url in named)]
    assert sorted(tuple(row) for row in attempts) == sorted(expected)
    texts = [
        row[0] for row in await conn.fetch("select distinct error from delivery_attempts where error_kind = 'DNS'")
    ]
    assert texts == ["The endpoint's name has no address that webhooks may reach."]
    assert {*scene.dns.asked} == {name.removesuffix(".") for name in NAMES}
    assert scene.nothing_arrived()


async def _all_ended(conn: asyncpg.Connection) -> bool:
    return not await conn.fetchval("select exists (select from webhook_events where state <> 'FAILED')")


async def test_name_of_an_open_address_is_sent_to(
    conn: asyncpg.Connection, database_url: str, redis_url: str, scene: Scene
) -> None:
    scene.dns.names["receiver.shop.example"] = [records("127.0.0.1")]
    given = opened(settings(database_url, redis_url, scene))
    await create_due_events(conn, await create_subscription(conn, scene.url("receiver.shop.example")))

    async with running_worker(given):
        await until(lambda: conn.fetchval("select state = 'DELIVERED' from webhook_events"))

    assert scene.receiver.connections == 1


async def test_endpoints_whose_names_get_no_answer_hold_up_no_other(
    conn: asyncpg.Connection, database_url: str, redis_url: str, scene: Scene
) -> None:
    hosts = [f"hooks.silent{number}.example" for number in range(100)]
    scene.dns.names |= {host: [silence] for host in hosts} | {"receiver.shop.example": [records("127.0.0.1")]}
    for url in map(scene.url, hosts):
        await create_due_events(conn, await create_subscription(conn, url, timeout_s=30))
    given = opened(settings(database_url, redis_url, scene)).model_copy(update={"shutdown_grace_s": 0})

    async with running_worker(given):
        await until(lambda: conn.fetchval("select count(*) = 100 from webhook_events where state = 'SENDING'"))
        healthy = await create_subscription(conn, scene.url("receiver.shop.example"))
        await create_due_events(conn, healthy)
        await until(lambda: conn.fetchval("select state = 'DELIVERED' from webhook_events order by id desc limit 1"))
        waiting = await conn.fetchval("select count(*) from webhook_events where state = 'SENDING'")

    assert (waiting, scene.receiver.connections) == (100, 1)
