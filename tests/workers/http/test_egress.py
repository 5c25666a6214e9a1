import socket
from collections.abc import Sequence
from ipaddress import ip_network

import pytest

from workers.http.egress import (
    Egress,
    GuardedResolver,
    LookUp,
    PublicAddress,
    RefusedAddress,
    RefusedName,
    socket_factory,
)
from workers.http.errors import describe

LOOPBACK = (ip_network("127.0.0.0/8"),)
PUBLIC = ["93.184.215.14", "2606:4700::1111", "8.8.8.8", "1.1.1.1", "9.9.9.9", "2a00::1"]


def names(*addresses: str) -> LookUp:
    async def look_up(host: str, family: socket.AddressFamily) -> Sequence[str]:
        return addresses

    return look_up


async def resolve(resolver: GuardedResolver, host: str = "hooks.example.com") -> list[str]:
    return [result["host"] for result in await resolver.resolve(host, 443)]


async def test_public_name_gives_its_records_in_order() -> None:
    assert await resolve(GuardedResolver(names(*PUBLIC[:3]))) == PUBLIC[:3]


async def test_at_most_four_records_are_tried() -> None:
    assert await resolve(GuardedResolver(names(*PUBLIC))) == PUBLIC[:4]


async def test_result_is_final_and_keeps_the_name() -> None:
    resolver = GuardedResolver(names("8.8.8.8"))

    (result,) = await resolver.resolve("hooks.example.com", 8443)

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
        await resolve(GuardedResolver(names(*addresses)))


async def test_opened_network_admits_a_record() -> None:
    assert await resolve(GuardedResolver(names("127.0.0.1"), Egress(LOOPBACK))) == ["127.0.0.1"]


async def test_opened_network_admits_no_other_record() -> None:
    with pytest.raises(RefusedAddress):
        await resolve(GuardedResolver(names("127.0.0.1", "::1"), Egress(LOOPBACK)))


async def test_localhost_leaves_out_what_is_not_open() -> None:
    look_up = names("::1", "127.0.0.1")

    assert await resolve(GuardedResolver(look_up, Egress(LOOPBACK)), "localhost") == ["127.0.0.1"]
    with pytest.raises(RefusedAddress):
        await resolve(GuardedResolver(look_up), "localhost")


async def test_internal_name_has_only_its_addresses_in_opened_networks() -> None:
    inside = Egress(LOOPBACK, is_internal=True)

    assert await resolve(GuardedResolver(names("fd00::2", "127.0.0.1", "8.8.8.8"), inside), "receiver") == ["127.0.0.1"]
    with pytest.raises(RefusedName):
        await resolve(GuardedResolver(names("10.0.0.1", "8.8.8.8"), inside), "receiver")
    with pytest.raises(PublicAddress) as caught:
        await resolve(GuardedResolver(names("8.8.8.8"), inside), "hooks.example.com")
    assert describe(caught.value).startswith("The endpoint's address is public: there, the URL must be https://")
    with pytest.raises(RefusedAddress):
        socket_factory(inside)((socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 80)))


async def test_name_without_records_is_an_os_error() -> None:
    with pytest.raises(OSError, match=r"^'hooks\.example\.com' has no address$"):
        await resolve(GuardedResolver(names()))


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
    create = socket_factory(Egress(LOOPBACK if allowed else ()))

    with create((socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))) as made:
        assert (made.family, made.type) == (socket.AF_INET, socket.SOCK_STREAM)
