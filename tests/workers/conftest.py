"""Fixtures for tests of the worker: a transport, a scene with a DNS server, resources, a publisher."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import httpx
import pytest

from app.webhooks.db import retention
from tests.support.egress_scene import Scene, open_scene
from tests.support.outbox import Publisher, running_publisher
from tests.support.platform import settings_for
from tests.support.posting import LOOPBACK
from workers.http.transport import create_transport
from workers.resources import Resources, open_resources


@pytest.fixture
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    """A transport that may reach loopback."""
    transport = create_transport(allowed=LOOPBACK)
    yield transport
    await transport.aclose()


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with open_scene() as scene:
        yield scene


@pytest.fixture
async def resources(database_url: str) -> AsyncIterator[Resources]:
    async with open_resources(settings_for(database_url), stopping=asyncio.Event()) as opened:
        yield opened


@pytest.fixture
async def publisher(conn: asyncpg.Connection, database_url: str) -> AsyncIterator[Publisher]:
    async with running_publisher(conn, database_url) as running:
        yield running


@pytest.fixture
async def today(conn: asyncpg.Connection) -> date:
    return await retention.today(conn)
