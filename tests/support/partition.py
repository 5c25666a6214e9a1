"""A network between a worker and its servers that can fail: it goes silent, or loses the answer to a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

_CHUNK = 65536
#: As asyncpg sends it. Claims and most records are single statements, which commit by themselves.
_COMMIT = b"COMMIT;\0"
#: Bytes of Bind, Execute and Sync of a statement without arguments: the looks for work, which change nothing.
_OF_A_LOOK = 60


@dataclass(slots=True)
class Network:
    """Forwards TCP connections to one server.

    Attributes:
        lost_answers: Of so many commits from now on the server hears, and its answer is lost with the connection.
    """

    url: str = ""
    lost_answers: int = 0
    _healthy: asyncio.Event = field(default_factory=asyncio.Event)
    _pipes: set[asyncio.Task[None]] = field(default_factory=set)

    def partition(self) -> None:
        """Forward nothing, and close nothing: neither end is told. What is sent waits, as in a real network."""
        self._healthy.clear()

    def heal(self) -> None:
        self._healthy.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
        """One connection, to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            await self._healthy.wait()
            server_reader, server_writer = await asyncio.open_connection(host, port)
            await self._join((reader, writer), (server_reader, server_writer))
        except (OSError, asyncio.CancelledError):
            # Nobody awaits this task but `close`.
            pass
        finally:
            writer.transport.abort()
            self._pipes.discard(task)

    async def _join(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        is_lost = asyncio.Event()
        asking = asyncio.create_task(self._pump(client[0], server[1], is_lost, is_asking=True))
        answering = asyncio.create_task(self._pump(server[0], client[1], is_lost, is_asking=False))
        try:
            await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in (asking, answering):
                pump.cancel()
            await asyncio.gather(asking, answering, return_exceptions=True)
            for _, writer in (client, server):
                writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_lost: asyncio.Event, *, is_asking: bool
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._healthy.wait()
            if is_asking and self.lost_answers and _may_commit(chunk):
                self.lost_answers -= 1
                is_lost.set()
            elif not is_asking and is_lost.is_set():
                # The server has answered, so it has committed: the client will never know.
                return
            writer.write(chunk)
            await writer.drain()

    async def close(self) -> None:
        for pipe in list(self._pipes):
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)


def _may_commit(sent: bytes) -> bool:
    return _COMMIT in sent or (sent.startswith(b"B") and len(sent) > _OF_A_LOOK)


@asynccontextmanager
async def network_to(server_url: str) -> AsyncIterator[Network]:
    """A network to PostgreSQL or Redis, in health; `url` is the server's by way of it."""
    parts = urlsplit(server_url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 5432
    network = Network()
    network.heal()
    serving = await asyncio.start_server(lambda r, w: network.carry(r, w, host, port), "127.0.0.1", 0)
    own_port = serving.sockets[0].getsockname()[1]
    credentials, at, _ = parts.netloc.rpartition("@")
    network.url = urlunsplit(parts._replace(netloc=f"{credentials}{at}127.0.0.1:{own_port}"))
    try:
        yield network
    finally:
        serving.close()
        await network.close()
        await serving.wait_closed()
