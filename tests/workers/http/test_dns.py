"""Names are looked up as the system would: /etc/hosts, then its name servers and search domains."""

import asyncio
import ipaddress
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from dns import rcode

from tests.support.dns_server import DnsServer, dns_server, failure, records
from workers.http.dns import MAX_LOOKUPS, DnsClient

HOST = "hooks.example.com"
#: Addresses of version 4, each with its first name.
HOSTS_FILE = re.findall(r"^\s*([0-9.]+)\s+(\S+)", Path("/etc/hosts").read_text(), re.MULTILINE)


@pytest.fixture
async def dns() -> AsyncIterator[DnsServer]:
    async with dns_server() as server:
        yield server


@pytest.fixture
async def names(dns: DnsServer) -> AsyncIterator[DnsClient]:
    names = dns.client(tries=1)
    yield names
    await names.close()


async def test_gives_all_addresses_of_both_kinds(dns: DnsServer, names: DnsClient) -> None:
    dns.names[HOST] = [records("9.9.9.9", "2606:4700::1111", "8.8.8.8")]

    assert sorted(await names.look_up(HOST)) == ["2606:4700::1111", "8.8.8.8", "9.9.9.9"]


async def test_answer_that_is_cut_is_asked_for_again_whole(dns: DnsServer, names: DnsClient) -> None:
    many = [str(ipaddress.IPv4Address("9.0.0.1") + place) for place in range(400)]
    dns.names[HOST] = [records(*many)]

    found = await names.look_up(HOST)

    assert {*found} == {*many}


async def test_address_of_one_kind_does_not_wait_for_a_silent_other(dns: DnsServer, names: DnsClient) -> None:
    dns.names[HOST] = [lambda query: records("9.9.9.9")(query) if "A" in query.question[0].to_text().split() else []]

    assert await names.look_up(HOST) == ["9.9.9.9"]


async def test_name_of_the_hosts_file_asks_nobody(dns: DnsServer, names: DnsClient) -> None:
    address, host = HOSTS_FILE[0]

    assert address in await names.look_up(host)
    assert dns.asked == []


async def test_search_domain_is_tried(dns: DnsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALDOMAIN", "internal.example")
    dns.names["receiver.shop.internal.example"] = [records("10.0.0.7")]
    names = dns.client()

    assert await names.look_up("receiver.shop") == ["10.0.0.7"]
    await names.close()
    assert dns.asked == ["receiver.shop", "receiver.shop.internal.example"]


@pytest.mark.parametrize(
    "host", ["nowhere.example.com", f"{'a' * 64}.example.com", "a b.example.com", "127。0。0。1", ""]
)
async def test_name_without_address_is_an_os_error(names: DnsClient, host: str) -> None:
    with pytest.raises(OSError, match=r"looked up"):
        await names.look_up(host)


async def test_server_that_refuses_is_an_os_error(dns: DnsServer, names: DnsClient) -> None:
    dns.names[HOST] = [failure(rcode.REFUSED)]

    with pytest.raises(OSError, match=r"^'hooks\.example\.com' cannot be looked up: DNS server refused query"):
        await names.look_up(HOST)


async def test_more_names_than_c_ares_has_numbers_for_are_refused() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as unread:
        unread.bind(("127.0.0.1", 0))
        names = DnsClient([f"127.0.0.1:{unread.getsockname()[1]}"])
        waiting = [asyncio.ensure_future(names.look_up(f"a{number}.example.net")) for number in range(MAX_LOOKUPS)]
        await asyncio.sleep(0)

        with pytest.raises(OSError, match=r"^10000 names are being looked up already$"):
            await names.look_up(HOST)

        await names.close()
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(each) for each in ended} == {OSError}
