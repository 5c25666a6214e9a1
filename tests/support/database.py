"""Databases of single tests, cloned from a template that is migrated once per run."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from threading import Thread
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app.db.migrate import migrate

_numbers = count(1)

_Work = Callable[[asyncpg.Connection], Awaitable[None]]


def with_database(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextmanager
def migrated_template(server_url: str) -> Iterator[str]:
    """Make a migrated, empty database to clone, give its name, and drop it at the end."""
    # Random, since several runs may share a server that their environment names.
    template = f"tellgraph_{secrets.token_hex(4)}"
    asyncio.run(_run(server_url, _statement(f'CREATE DATABASE "{template}"')))
    try:
        migrate(with_database(server_url, template))
        yield template
    finally:
        asyncio.run(_run(server_url, _statement(f'DROP DATABASE "{template}" WITH (FORCE)')))


@asynccontextmanager
async def cloned_database(server_url: str, template: str) -> AsyncIterator[str]:
    """Clone `template`, give the clone's URL, and drop it at the end with whoever is still connected."""
    clone = f"{template}_{os.getpid()}_{next(_numbers)}"

    async def create(conn: asyncpg.Connection) -> None:
        # Copying files beats logging the copy, now that fsync is off.
        await conn.execute(f'CREATE DATABASE "{clone}" TEMPLATE "{template}" STRATEGY file_copy')

    await _run(server_url, create)
    try:
        yield with_database(server_url, clone)
    finally:
        await _run(server_url, _statement(f'DROP DATABASE "{clone}" WITH (FORCE)'))


class _KeptConnection:
    """A connection with an event loop and a thread of its own, since each test has another event loop."""

    def __init__(self, server_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="kept connection", daemon=True)
        self._thread.start()
        self._conn = asyncio.run_coroutine_threadsafe(asyncpg.connect(server_url), self._loop).result()
        self._turn = asyncio.Lock()

    async def run(self, work: _Work) -> None:
        async def in_turn() -> None:
            async with self._turn:
                await work(self._conn)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(in_turn(), self._loop))

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._conn.close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


_kept: dict[str, _KeptConnection] = {}


@contextmanager
def kept_connection(server_url: str) -> Iterator[None]:
    """Clone the databases of all tests of this process on one connection: two for each test cost more than many tests.

    It is opened before the first test, which would otherwise be found to leave it open.
    """
    kept = _kept[server_url] = _KeptConnection(server_url)
    try:
        yield
    finally:
        del _kept[server_url]
        kept.close()


def _statement(text: str) -> _Work:
    async def execute(conn: asyncpg.Connection) -> None:
        await conn.execute(text)

    return execute


async def _run(server_url: str, work: _Work) -> None:
    if server_url in _kept:
        await _kept[server_url].run(work)
        return
    conn = await asyncpg.connect(server_url)
    try:
        await work(conn)
    finally:
        await conn.close()
