"""Wrong API keys are counted, take no connection twice, and are answered slowly where they are many."""

import asyncio

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.auth.domain.api_key import hash_key
from app.errors import RateLimited
from app.http.limits import wrong_keys
from app.http.limits.wrong_keys import WrongKeys
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

ONE, OTHER = "192.0.2.1", "192.0.2.2"


async def is_slowed(keys: WrongKeys, address: str) -> bool:
    """Send a wrong key, and tell whether its answer is held back."""
    task = asyncio.create_task(keys.refuse("tgk_wrong", address))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    is_waiting = not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return is_waiting


async def test_many_wrong_keys_of_one_address_are_answered_slowly() -> None:
    keys = WrongKeys()

    slowed = [await is_slowed(keys, ONE) for _ in range(25)]

    assert slowed == [False] * 20 + [True] * 5
    assert not await is_slowed(keys, OTHER)


async def test_one_customer_has_an_ipv6_network() -> None:
    keys = WrongKeys()

    for number in range(20):
        await is_slowed(keys, f"2001:db8::{number:x}")

    assert await is_slowed(keys, "2001:db8::ffff")
    assert not await is_slowed(keys, "2001:db8:0:1::1")


async def test_no_more_keys_are_looked_up_for_an_address_with_many_held_answers() -> None:
    keys = WrongKeys()
    waiting = [asyncio.create_task(keys.refuse(f"tgk_{number}", ONE)) for number in range(20 + 50)]
    await asyncio.sleep(0)

    keys.check(OTHER)
    with pytest.raises(RateLimited):
        keys.check(ONE)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    keys.check(ONE)


async def test_addresses_and_keys_are_forgotten_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "_MAX_KEYS", 10)
    monkeypatch.setattr(wrong_keys, "_MAX_ADDRESSES", 10)
    keys = WrongKeys()

    for number in range(1_000):
        await keys.refuse(f"tgk_{number}", f"10.0.{number // 256}.{number % 256}")

    assert [keys.is_wrong(f"tgk_{number}") for number in (0, 989, 990, 999)] == [False, False, True, True]


async def test_a_wrong_key_is_looked_up_once(api: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "_WRONG_FOR_S", 1_000)
    assert (await api.post("{ __typename }", key="tgk_late")).status_code == 401

    await api.conn.execute("update api_keys set hash = $1", hash_key("tgk_late"))

    assert (await api.post("{ __typename }", key="tgk_late")).status_code == 401


async def test_a_wrong_key_is_looked_up_again_after_a_while(api: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wrong_keys, "_WRONG_FOR_S", 0)
    assert (await api.post("{ __typename }", key="tgk_late")).status_code == 401

    await api.conn.execute("update api_keys set hash = $1", hash_key("tgk_late"))

    assert (await api.post("{ __typename }", key="tgk_late")).status_code == 200


async def test_refused_keys_are_logged_with_their_address(api: Platform) -> None:
    with capture_logs() as lines:
        for number in range(3):
            await api.post("{ __typename }", key=f"tgk_{number}")

    refused = [line for line in lines if line["event"] == "request.refused"]
    assert [(line["status"], line["address"]) for line in refused] == [(401, "127.0.0.1")] * 3
    assert "tgk_" not in str(lines)


async def test_refusals_are_counted_by_status(api: Platform) -> None:
    def counted(status: str) -> float:
        return REGISTRY.get_sample_value("tellgraph_refused_requests_total", {"status": status}) or 0

    before = counted("401"), counted("403")
    await api.post("{ __typename }", key="tgk_wrong")
    seller = await api.seller_key((await create_seller(api.conn)).id)
    await api.post('{ updatedOrders(updatedSince: "2000-01-01T00:00:00Z") { nodes { id } } }', key=seller)

    assert (counted("401"), counted("403")) == (before[0] + 1, before[1] + 1)
