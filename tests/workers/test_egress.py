import asyncio
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from workers.egress import GetAddrInfo, GuardedResolver, RefusedAddress, socket_factory

Record = tuple[int, int, int, str, tuple[object, ...]]
LOOPBACK = (ip_network("127.0.0.0/8"),)
PUBLIC = ["93.184.215.14", "2606:4700::1111", "8.8.8.8", "1.1.1.1", "9.9.9.9", "2a00::1"]


def record(address: str) -> Record:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 443, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))


def names(*addresses: str) -> GetAddrInfo:
    def look_up(host: str, port: int, *, family: int, type: int) -> Sequence[Record]:
        return [record(address) for address in addresses]

    return look_up


async def resolve(resolver: GuardedResolver, host: str = "hooks.example.com") -> list[str]:
    try:
        return [result["host"] for result in await resolver.resolve(host, 443)]
    finally:
        await resolver.close()


async def test_public_name_gives_its_records_in_order() -> None:
    assert await resolve(GuardedResolver(getaddrinfo=names(*PUBLIC[:3]))) == PUBLIC[:3]


async def test_at_most_four_records_are_tried() -> None:
    assert await resolve(GuardedResolver(getaddrinfo=names(*PUBLIC))) == PUBLIC[:4]


async def test_result_is_final_and_keeps_the_name() -> None:
    resolver = GuardedResolver(getaddrinfo=names("8.8.8.8"))

    (result,) = await resolver.resolve("hooks.example.com", 8443)
    await resolver.close()

    assert result == {
        "hostname": "hooks.example.com",
        "host": "8.8.8.8",
        "port": 8443,
        "family": socket.AF_INET,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("forbidden", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "fe80::1%eth0", "64:ff9b::1"])
async def test_one_forbidden_record_refuses_the_name(place: int, forbidden: str) -> None:
    addresses = [*PUBLIC[:place], forbidden, *PUBLIC[place:]]

    with pytest.raises(RefusedAddress, match=f"^'hooks.example.com' has the address {forbidden}, which"):
        await resolve(GuardedResolver(getaddrinfo=names(*addresses)))


async def test_opened_network_admits_a_record() -> None:
    assert await resolve(GuardedResolver(LOOPBACK, getaddrinfo=names("127.0.0.1"))) == ["127.0.0.1"]


async def test_opened_network_admits_no_other_record() -> None:
    with pytest.raises(RefusedAddress):
        await resolve(GuardedResolver(LOOPBACK, getaddrinfo=names("127.0.0.1", "::1")))


async def test_localhost_leaves_out_what_is_not_open() -> None:
    look_up = names("::1", "127.0.0.1")

    assert await resolve(GuardedResolver(LOOPBACK, getaddrinfo=look_up), "localhost") == ["127.0.0.1"]
    with pytest.raises(RefusedAddress):
        await resolve(GuardedResolver(getaddrinfo=look_up), "localhost")


async def test_name_without_records_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"^'hooks\.example\.com' has no address$"):
        await resolve(GuardedResolver(getaddrinfo=names()))


async def test_error_of_the_system_comes_through() -> None:
    def look_up(host: str, port: int, *, family: int, type: int) -> Sequence[Record]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(socket.gaierror):
        await resolve(GuardedResolver(getaddrinfo=look_up))


async def test_name_that_cannot_be_encoded_is_an_os_error() -> None:
    with pytest.raises(OSError, match="is not a name that can be looked up"):
        await resolve(GuardedResolver(), f"{'a' * 64}.example.com")


async def test_slow_name_delays_no_other() -> None:
    release = threading.Event()

    def look_up(host: str, port: int, *, family: int, type: int) -> Sequence[Record]:
        if host == "slow.example.com":
            release.wait(20)
        return [record("8.8.8.8")]

    resolver = GuardedResolver(getaddrinfo=look_up)
    slow = [asyncio.ensure_future(resolver.resolve("slow.example.com", 443)) for _ in range(8)]
    async with asyncio.timeout(10):
        (quick,) = await resolver.resolve("quick.example.com", 443)
    still_waiting = [task.done() for task in slow]
    release.set()
    await asyncio.gather(*slow)
    await resolver.close()

    assert quick["host"] == "8.8.8.8"
    assert still_waiting == [False] * 8


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "::ffff:8.8.8.8",
        "fe80::1%2",
        "localhost",
        "",
    ],
)
def test_no_socket_for_a_forbidden_address(address: str) -> None:
    create = socket_factory()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET

    with pytest.raises(RefusedAddress, match="webhooks may not reach the address"):
        create((family, socket.SOCK_STREAM, 6, "", (address, 443)))


@pytest.mark.parametrize(("address", "allowed"), [("8.8.8.8", ()), ("127.0.0.1", LOOPBACK)])
def test_socket_for_an_address_that_may_be_reached(address: str, allowed: Sequence[object]) -> None:
    create = socket_factory(LOOPBACK if allowed else ())

    with create((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)
