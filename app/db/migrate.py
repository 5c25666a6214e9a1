"""Migrations: Alembic's revisions, then the functions: those of `functions/`, and those generated from the tables."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config

from app.db import capture

_SCRIPTS = Path(__file__).with_name("migrations")
_FUNCTIONS = _SCRIPTS / "functions"


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision. Synchronous; runs its own event loop.

    Raises: asyncpg.PostgresError, OSError. A lock that cannot be had within 5 s fails the migration
    instead of queueing every other statement behind it.
    """
    upgrade(database_url, "head")
    asyncio.run(_install_functions(database_url))


def upgrade(database_url: str, revision: str) -> None:
    """Bring the tables to a revision; the functions are not installed. Otherwise as `migrate`."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)


async def _install_functions(database_url: str) -> None:
    """Each function's one definition, whatever revisions ran. In one transaction: workers see all or none of it."""
    conn = await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '5s'")
            for path in sorted(_FUNCTIONS.glob("*.sql")):
                await conn.execute(path.read_text())
            await capture.install(conn)
    finally:
        await conn.close()
