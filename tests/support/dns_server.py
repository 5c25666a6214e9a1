"""A DNS server on loopback that answers as an attacker would, and a getaddrinfo that asks it.

The packets and their parsing are real; only the port is not the system's, since nobody but root can point
`socket.getaddrinfo` at another one.
"""

import asyncio
import contextlib
import ipaddress
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset

from workers.egress import GetAddrInfo

Record = tuple[int, int, int, str, tuple[object, ...]]
#: What the server sends for a query: any number of packets.
Reply = Callable[[dns.message.Message], Sequence[bytes]]

_FAMILIES = {socket.AF_INET: (dns.rdatatype.A,), socket.AF_INET6: (dns.rdatatype.AAAA,)}
_BOTH = (dns.rdatatype.A, dns.rdatatype.AAAA)


def records(*addresses: str, through: Sequence[str] = ()) -> Reply:
    """Answer with these addresses, A or AAAA as asked, at the end of a chain of CNAMEs."""

    def reply(query: dns.message.Message) -> list[bytes]:
        return [_answer(query, addresses, through).to_wire()]

    return reply


def failure(code: dns.rcode.Rcode) -> Reply:
    """Answer with an error such as NXDOMAIN."""

    def reply(query: dns.message.Message) -> list[bytes]:
        response = dns.message.make_response(query, recursion_available=True)
        response.set_rcode(code)
        return [response.to_wire()]

    return reply


def silence(query: dns.message.Message) -> list[bytes]:
    """Answer nothing."""
    return []


def garbage(query: dns.message.Message) -> list[bytes]:
    """Answer with the query's id and bytes that are no DNS message."""
    return [query.to_wire()[:2] + b"\xff" * 40]


def spoofed(forged: str, true: str | None) -> Reply:
    """Answer first as someone who did not see the query's id, then with the true address if there is one."""

    def reply(query: dns.message.Message) -> list[bytes]:
        response = _answer(query, [forged], ())
        response.id ^= 1
        packets = [response.to_wire()]
        return packets if true is None else [*packets, _answer(query, [true], ()).to_wire()]

    return reply


def _answer(query: dns.message.Message, addresses: Sequence[str], through: Sequence[str]) -> dns.message.Message:
    question = query.question[0]
    response = dns.message.make_response(query, recursion_available=True)
    name = question.name
    for alias in through:
        target = dns.name.from_text(alias)
        response.answer.append(dns.rrset.from_text(name, 0, "IN", "CNAME", target.to_text()))
        name = target
    version = 4 if question.rdtype == dns.rdatatype.A else 6
    texts = [each for each in addresses if ipaddress.ip_address(each).version == version]
    if texts:
        response.answer.append(dns.rrset.from_text_list(name, 0, "IN", question.rdtype, texts))
    return response


@dataclass(slots=True)
class DnsServer:
    """What the server answers, and what it was asked.

    names   by name, without a dot at its end: the reply to the first lookup, to the second …; the last one
            stays. A name that is not here does not exist.
    asked   the names of all queries for an A record, in their order.
    """

    port: int = 0
    names: dict[str, Sequence[Reply]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _times: Counter[tuple[str, dns.rdatatype.RdataType]] = field(default_factory=Counter)

    def answer(self, packet: bytes) -> Sequence[bytes]:
        """The packets for a query."""
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True)
        if question.rdtype == dns.rdatatype.A:
            self.asked.append(name)
        replies = self.names.get(name, [failure(dns.rcode.NXDOMAIN)])
        place = min(self._times[name, question.rdtype], len(replies) - 1)
        self._times[name, question.rdtype] += 1
        return replies[place](query)

    def getaddrinfo(self, *, patience_s: float = 1.0) -> GetAddrInfo:
        """Make a function like `socket.getaddrinfo` that asks this server.

        Args: patience_s — how long it blocks its thread for a name that gets no answer, in all.
        """

        def look_up(host: str, port: int, *, family: int, type: int) -> list[Record]:
            resolver = dns.resolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = ["127.0.0.1"], self.port
            resolver.lifetime = patience_s
            # As the system's: the codec's UnicodeError is part of how Python's getaddrinfo fails.
            name = host.encode("idna").decode("ascii")
            kinds = _FAMILIES.get(socket.AddressFamily(family), _BOTH)
            return [_record(address, port, type) for address in _ask(resolver, name, kinds)]

        return look_up


def _ask(resolver: dns.resolver.Resolver, name: str, kinds: Sequence[dns.rdatatype.RdataType]) -> list[str]:
    """All addresses of a name; like the C library, an error for one kind counts only if the other has none."""
    addresses: list[str] = []
    error = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    for kind in kinds:
        try:
            answer = resolver.resolve(name, kind, search=False)
            addresses += [each.to_text() for each in answer]
        except dns.resolver.NXDOMAIN:
            break
        except dns.resolver.NoAnswer:
            continue
        except dns.resolver.LifetimeTimeout:
            # The C library asks for both kinds at once: its patience is not spent twice.
            error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            break
        except dns.exception.DNSException:
            error = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    if not addresses:
        raise error
    return addresses


def _record(address: str, port: int, kind: int) -> Record:
    if ":" in address:
        return (socket.AF_INET6, kind, socket.IPPROTO_TCP, "", (address, port, 0, 0))
    return (socket.AF_INET, kind, socket.IPPROTO_TCP, "", (address, port))


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    # The transport is a DatagramTransport in all but name up to Python 3.12.
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for packet in self._server.answer(data):
            self._transport.sendto(packet, addr)


@contextlib.asynccontextmanager
async def dns_server() -> AsyncIterator[DnsServer]:
    """Serve on a free UDP port of 127.0.0.1."""
    server = DnsServer()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(server), local_addr=("127.0.0.1", 0))
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
