"""A pool over the database of one test, and a place for servers of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from databases import Database

from app.db.pool import create_database
from tests.support.servers import temporary_dir


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with create_database(database_url, pool_size=10) as database:
        yield database


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory that does not exist yet."""
    with temporary_dir() as parent:
        yield parent / "data"
