"""What a worker process holds for its lifetime."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
from databases import Database

from app.db.pool import create_database
from app.settings import Settings
from workers import transport


@dataclass(slots=True, kw_only=True)
class Resources:
    """stopping is set when the process is to end: nothing new is claimed, what is in flight goes on."""

    settings: Settings
    database: Database
    transport: httpx.AsyncBaseTransport
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Connect to PostgreSQL and make the transport; all is closed at the end. Raises OSError, PostgresError."""
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    database = create_database(settings.database_url, pool_size=settings.database_pool_size)
    shared = transport.create_transport(allowed=settings.egress_allow)
    async with database:
        try:
            yield Resources(settings=settings, database=database, transport=shared)
        finally:
            await transport.close(shared)
