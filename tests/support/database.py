"""Databases of single tests, cloned from a template that is migrated once per run."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from app.db.migrate import migrate

_numbers = count(1)


def with_database(url: str, database: str) -> str:
    """Return the URL of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


@contextmanager
def migrated_template(server_url: str) -> Iterator[str]:
    """Make a migrated, empty database to clone, give its name, and drop it at the end."""
    # Random, since several runs may share a server that their environment names.
    template = f"tellgraph_{secrets.token_hex(4)}"
    asyncio.run(_run(server_url, f'CREATE DATABASE "{template}"'))
    try:
        migrate(with_database(server_url, template))
        yield template
    finally:
        asyncio.run(_run(server_url, f'DROP DATABASE "{template}" WITH (FORCE)'))


@asynccontextmanager
async def cloned_database(server_url: str, template: str) -> AsyncIterator[str]:
    """Clone `template`, give the clone's URL, and drop it at the end with whoever is still connected."""
    clone = f"{template}_{os.getpid()}_{next(_numbers)}"
    conn = await asyncpg.connect(server_url)
    try:
        # Copying files beats logging the copy, now that fsync is off.
        await conn.execute(f'CREATE DATABASE "{clone}" TEMPLATE "{template}" STRATEGY file_copy')
    finally:
        await conn.close()
    try:
        yield with_database(server_url, clone)
    finally:
        await _run(server_url, f'DROP DATABASE "{clone}" WITH (FORCE)')


async def _run(server_url: str, *statements: str) -> None:
    conn = await asyncpg.connect(server_url)
    try:
        for statement in statements:
            await conn.execute(statement)
    finally:
        await conn.close()
