"""A server on loopback that misbehaves in ways that no HTTP library allows."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

#: Of the event loop, in which an accepted connection begins, and in which a closed one ends.
_TURNS = 5
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


@dataclass(slots=True)
class HostileServer:
    """The server and its requests. `url` is http://127.0.0.1:<port>, or https:// with a certificate."""

    url: str
    port: int
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    sent_bytes: int = 0


@dataclass(slots=True)
class HostileConnection:
    """One accepted connection; `number` counts from 1."""

    server: HostileServer
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_request(self) -> bytes:
        """Read one request to the end of its Content-Length, and keep it in `server.requests`."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await self.reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)
        self.server.requests.append(head + body)
        return head + body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()
        self.server.sent_bytes += len(data)

    async def send_forever(self, data: bytes) -> None:
        """Send until the client ends the connection."""
        while True:
            await self.send(data)

    async def hang(self) -> None:
        """Say nothing until the client ends the connection, whatever else it sends."""
        while await self.reader.read(65536):
            pass

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        raw: socket.socket = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Behaviour = Callable[[HostileConnection], Awaitable[None]]


def answering(*parts: bytes, then_hang: bool = False) -> Behaviour:
    """Read a request, send the parts one by one, then close the connection, or keep silent."""

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        for part in parts:
            await connection.send(part)
        if then_hang:
            await connection.hang()

    return behave


def answering_without_end(start: bytes, repeated: bytes) -> Behaviour:
    """Read a request, send the start, then the same bytes until the client ends the connection."""

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(start)
        await connection.send_forever(repeated)

    return behave


async def reset_at_once(connection: HostileConnection) -> None:
    connection.reset()


async def hang(connection: HostileConnection) -> None:
    await connection.hang()


@contextlib.asynccontextmanager
async def hostile_server(
    behaviour: Behaviour, *, ssl_context: ssl.SSLContext | None = None
) -> AsyncIterator[HostileServer]:
    """Serve on a free port of 127.0.0.1; every connection gets the behaviour, and is closed after it."""
    server = HostileServer(url="", port=0)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        connection = HostileConnection(server, server.connections, reader, writer)
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            await behaviour(connection)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def end(ended: asyncio.Task[None]) -> None:
            tasks.discard(ended)
            writer.close()

        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        # Not by the task itself: one that is cancelled before its first step does nothing at all.
        task.add_done_callback(end)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=ssl_context)
    server.port = listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if ssl_context else 'http'}://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        # No more are accepted, and those that are come to `accept` within some turns of the event loop. Once the
        # listener is closed, asyncio would forget them.
        for one in listener.sockets:
            asyncio.get_running_loop().remove_reader(one.fileno())
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()
        for _ in range(_TURNS):
            await asyncio.sleep(0)
