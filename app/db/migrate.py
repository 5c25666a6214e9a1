"""Migrations: Alembic's revisions, then the capture functions generated from the tables as they are now."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

from app.db import capture

_SCRIPTS = Path(__file__).with_name("migrations")


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision. Synchronous; runs its own event loop.

    Raises: asyncpg.PostgresError, OSError. A lock that cannot be had within 5 s fails the migration
    instead of queueing every other statement behind it.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["database_url"] = database_url
    command.upgrade(config, "head")
    asyncio.run(_install_capture(database_url))


async def _install_capture(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '5s'")
            await capture.install(conn)
    finally:
        await conn.close()
