"""A DNS server on loopback that answers as an attacker would, over UDP and TCP."""

import asyncio
import contextlib
import ipaddress
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from workers.http.dns import TRIES, DnsClient

#: What the server sends for a query: any number of packets.
Reply = Callable[[dns.message.Message], Sequence[bytes]]

#: A packet of more is cut, so that the client asks again over TCP.
MAX_UDP_BYTES = 1232


def records(*addresses: str, through: Sequence[str] = ()) -> Reply:
    """Answer with these addresses, A or AAAA as asked, at the end of a chain of CNAMEs."""

    def reply(query: dns.message.Message) -> list[bytes]:
        return [_answer(query, addresses, through).to_wire(max_size=65535)]

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


_UNKNOWN = failure(dns.rcode.NXDOMAIN)


@dataclass(slots=True)
class DnsServer:
    """A DNS server with its answers, and the names that it was asked for.

    Attributes:
        names: By name, without a dot at its end: the reply to the first lookup, to the second …; the last one stays.
        others: The reply for a name that is not there: that it does not exist.
        asked: The names of all queries for an A record, in their order.
    """

    port: int = 0
    names: dict[str, Sequence[Reply]] = field(default_factory=dict)
    others: Reply = _UNKNOWN
    asked: list[str] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _times: Counter[tuple[str, dns.rdatatype.RdataType]] = field(default_factory=Counter)

    def answer(self, packet: bytes) -> Sequence[bytes]:
        """The packets for a query."""
        query = dns.message.from_wire(packet)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        if question.rdtype == dns.rdatatype.A:
            self.asked.append(name)
        replies = self.names.get(name, [self.others])
        place = min(self._times[name, question.rdtype], len(replies) - 1)
        self._times[name, question.rdtype] += 1
        return replies[place](query)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the queries of one TCP connection, until the client or `close` ends it."""
        self._writers.add(writer)
        with contextlib.suppress(OSError, EOFError):
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                for packet in self.answer(await reader.readexactly(size)):
                    writer.write(len(packet).to_bytes(2) + packet)

    async def close(self) -> None:
        """End all TCP connections."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in self._writers), return_exceptions=True)

    def client(self, *, tries: int = TRIES) -> DnsClient:
        """Return a client that asks this server. `tries` bounds how long it waits for a silent one."""
        return DnsClient([f"127.0.0.1:{self.port}"], tries=tries)


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    # The transport is a DatagramTransport in all but name up to Python 3.12.
    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for packet in self._server.answer(data):
            self._transport.sendto(packet if len(packet) <= MAX_UDP_BYTES else _cut(packet), addr)


def _cut(packet: bytes) -> bytes:
    """The head and the question alone, marked as truncated."""
    response = dns.message.from_wire(packet)
    response.answer.clear()
    response.flags |= dns.flags.TC
    return response.to_wire()


@contextlib.asynccontextmanager
async def dns_server() -> AsyncIterator[DnsServer]:
    """Serve on a free port of 127.0.0.1."""
    server = DnsServer()
    loop = asyncio.get_running_loop()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    address = ("127.0.0.1", server.port)
    transport, _ = await loop.create_datagram_endpoint(lambda: _Protocol(server), local_addr=address)
    try:
        yield server
    finally:
        transport.close()
        listener.close()
        await server.close()
