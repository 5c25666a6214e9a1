"""Connections are bounded before any API key is read: heads, time, number."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import psutil
import pytest
from prometheus_client import REGISTRY

from app.settings import Settings
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.waiting import LOCK_IS_AWAITED, until

#: Long enough for a busy machine to read what came with a connection before the time for it is over.
REQUEST_S = 1.0
HEAD = "POST /graphql HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
MAX_HEAD = 32_768
LONG_QUERY = '{"query":"{ ' + " ".join(f"a{number}: __typename" for number in range(90)) + ' }"}'


@dataclass(slots=True)
class Client:
    """A raw connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def end(self) -> bytes:
        """Return all that is still sent, once the server has closed the connection."""
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := await self.reader.read(65_536):
                received += piece
        return received


@dataclass(slots=True)
class Wire:
    """Opens raw connections to the API, and closes them at the end."""

    api: Platform
    clients: list[Client] = field(default_factory=list)

    async def connect(self, sent: str | bytes = b"") -> Client:
        address = urlsplit(self.api.url)
        client = Client(*await asyncio.open_connection(address.hostname, address.port))
        self.clients.append(client)
        client.writer.write(sent.encode() if isinstance(sent, str) else sent)
        return client

    def request(self, body: str = '{"query":"{ __typename }"}', extra: str = "") -> str:
        return f"{HEAD}Authorization: Bearer {self.api.key}\r\n{extra}Content-Length: {len(body)}\r\n\r\n{body}"

    async def close(self) -> None:
        for client in self.clients:
            client.writer.close()
            with contextlib.suppress(ConnectionError):
                await client.writer.wait_closed()


OpenWire = Callable[..., contextlib.AbstractAsyncContextManager[Wire]]


@pytest.fixture
def open_wire(database_url: str) -> OpenWire:
    @contextlib.asynccontextmanager
    async def opened(**settings: float) -> AsyncIterator[Wire]:
        async with running_platform(settings_for(database_url, None, **settings), with_worker=False) as api:
            wire = Wire(api)
            try:
                yield wire
            finally:
                await wire.close()

    return opened


@pytest.fixture
async def wire(open_wire: OpenWire) -> AsyncIterator[Wire]:
    async with open_wire(request_timeout_s=REQUEST_S) as opened:
        yield opened


def ended(reason: str) -> float:
    return REGISTRY.get_sample_value("tellgraph_connections_ended_total", {"reason": reason}) or 0


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def test_half_open_connections_are_ended(open_wire: OpenWire) -> None:
    before = ended("too_slow")
    # The server shares its loop with all these clients.
    async with open_wire(request_timeout_s=3 * REQUEST_S) as wire:
        halves = ["", HEAD, f"{HEAD}Authorization: Bearer {wire.api.key}\r\nContent-Length: 9\r\n\r\n{{"]
        clients = [await wire.connect(halves[number % 3]) for number in range(300)]

        answers = await asyncio.gather(*(client.end() for client in clients))

        assert [status(answer) for answer in answers] == [0, 408, 408] * 100
        assert ended("too_slow") == before + 300
        assert (await wire.api.post("{ __typename }")).status_code == 200


async def test_a_head_that_is_sent_slowly_has_no_more_time(wire: Wire) -> None:
    client = await wire.connect(HEAD)

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                client.writer.write(b"X: 1\r\n")
                await client.writer.drain()
                await asyncio.sleep(REQUEST_S / 10)

    dripping = asyncio.create_task(drip())
    answer = await client.end()
    dripping.cancel()
    await asyncio.gather(dripping, return_exceptions=True)

    assert status(answer) == 408


async def test_a_second_request_has_the_same_time(wire: Wire) -> None:
    client = await wire.connect(wire.request() + HEAD)

    answer = await client.end()

    assert answer.count(b"HTTP/1.1") == 2
    assert b"HTTP/1.1 408" in answer


async def test_empty_lines_between_requests_win_no_time(wire: Wire) -> None:
    client = await wire.connect(wire.request() + "\r\n")

    assert status(await client.end()) == 200


async def test_an_operation_may_take_longer_than_a_head(wire: Wire) -> None:
    async with wire.api.conn.transaction():
        await wire.api.conn.execute("lock table variants")
        answer = asyncio.create_task(wire.api.post("{ variantsWhere { nodes { id } } }"))
        silent = await wire.connect()
        await silent.end()  # By now the time of a head is over.
        assert not answer.done()

    assert (await answer).status_code == 200


async def test_a_client_that_does_not_read_its_answer_is_ended(wire: Wire) -> None:
    before = ended("too_slow")
    client = await wire.connect(wire.request(LONG_QUERY) * 4_000)
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport that reads

    async def is_ended() -> bool:
        return ended("too_slow") > before

    await until(is_ended)


async def test_a_client_that_asks_on_without_reading_keeps_no_connection(open_wire: OpenWire) -> None:
    # Enough for the test to find the server's end of the connection before its time is over.
    async with open_wire(request_timeout_s=3 * REQUEST_S) as wire:
        before, client = ended("too_slow"), await wire.connect()
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a transport that reads
        own_port = client.writer.get_extra_info("sockname")[1]

        def of_server() -> list[int]:
            """The server's end of the connection, in this process: its file descriptor."""
            return [one.fd for one in psutil.Process().net_connections("tcp") if one.raddr[1:] == (own_port,)]

        (descriptor,) = await until(lambda: asyncio.sleep(0, of_server()))
        # Nothing public tells what the server still has to send.
        transport = asyncio.get_running_loop()._transports[descriptor]  # type: ignore[attr-defined]
        # With the system's buffers, which grow to megabytes, it would take thousands of answers.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

        async def has_unsent() -> bool:
            client.writer.write(wire.request(LONG_QUERY).encode() * 8)
            # On a busy machine its time may be over before that.
            return ended("too_slow") > before or bool(transport.get_write_buffer_size())

        await until(has_unsent)
        client.writer.write(HEAD.encode())

        async def is_ended() -> bool:
            return ended("too_slow") > before and not of_server()

        try:
            await until(is_ended)
        finally:
            client.writer.transport.abort()


async def test_heads_are_refused_at_32_kib(wire: Wire) -> None:
    fitting = "X-Long: " + "x" * (MAX_HEAD - 1_000) + "\r\n"
    cases = {
        wire.request(extra=fitting): 200,
        wire.request(extra=f"X-Long: {'x' * MAX_HEAD}\r\n"): 431,
        wire.request(extra="X: 1\r\n" * (MAX_HEAD // 6)): 431,
        wire.request().replace("/graphql", f"/graphql?{'x' * MAX_HEAD}"): 431,
        wire.request(body='{"query":"{ __typename }"' + " " * 2 * MAX_HEAD + "}"): 200,
        f"{HEAD}X-Long: {'x' * MAX_HEAD}": 431,
    }

    answers = [status(await first_line(await wire.connect(sent))) for sent in cases]

    assert answers == [*cases.values()]


async def first_line(client: Client) -> bytes:
    return await client.reader.readline()


async def test_120_mb_of_headers_are_not_kept(wire: Wire) -> None:
    process, megabyte = psutil.Process(), b"X-Long: " + b"x" * 1_000_000 + b"\r\n"
    client = await wire.connect(HEAD)
    before, most, sent = process.memory_info().rss, 0, 0

    with contextlib.suppress(ConnectionError):
        while sent < 120:
            client.writer.write(megabyte)
            await client.writer.drain()
            sent += 1
            most = max(most, process.memory_info().rss)

    # A few megabytes are on the way, in the buffers of the system.
    assert sent < 60
    assert most - before < 30_000_000
    assert ended("head_too_large") > 0


async def test_trailers_and_the_frames_of_chunks_count_as_head(wire: Wire) -> None:
    chunked = wire.request().split("Content-Length")[0] + "Transfer-Encoding: chunked\r\n\r\n"
    trailers = f"{chunked}2\r\n{{}}\r\n0\r\n" + "X: 1\r\n" * 100_000
    frames = chunked + "1;extension=1234567890\r\n \r\n" * 20_000

    answers = [status(await first_line(await wire.connect(sent))) for sent in (trailers, frames)]

    assert answers == [431, 431]


async def test_a_new_client_takes_the_place_of_a_silent_one(open_wire: OpenWire) -> None:
    async with open_wire(max_connections=20) as wire:
        await wire.api.post("{ __typename }")
        before = ended("too_many")
        silent = [await wire.connect() for _ in range(50)]

        answer = await wire.api.post("{ __typename }")

        assert answer.status_code == 200
        assert ended("too_many") - before in (31, 32)
        assert await silent[0].end() == b""


async def test_no_client_is_ended_for_another_while_it_is_answered(
    open_wire: OpenWire,
) -> None:
    async with open_wire(max_connections=1) as wire:
        async with wire.api.conn.transaction():
            await wire.api.conn.execute("lock table variants")
            client = await wire.connect(wire.request('{"query":"{ variantsWhere { nodes { id } } }"}'))
            await until(lambda: wire.api.conn.fetchval(LOCK_IS_AWAITED))
            assert status(await (await wire.connect()).end()) == 503

        assert status(await first_line(client)) == 200


def test_every_setting_has_a_default_that_clients_do_not_meet() -> None:
    settings = Settings()

    assert settings.request_timeout_s == 10
    assert settings.max_connections >= 500
    assert settings.rate_bucket >= 10 * settings.max_cost
    # A client that copies all invoices asks for some dozens of nested pages a second: each costs about 27,000.
    assert settings.rate_refill >= 30 * 27_000
