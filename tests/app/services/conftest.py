"""The pool that services run on, over the database of one test."""

from collections.abc import AsyncIterator

import pytest
from databases import Database

from app.db.pool import create_database


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with create_database(database_url, pool_size=10) as database:
        yield database
