"""Migrations: Alembic's revisions, then the functions of `functions/` and those generated from the tables."""

import asyncio
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from app.capture import triggers
from app.db.pool import Connection
from app.db.server import connect
from app.errors import Conflict

_SCRIPTS = Path(__file__).with_name("migrations")
_FUNCTIONS = _SCRIPTS / "functions"

#: The number of the advisory lock that a migrating process holds. Any number will do.
_LOCK = 7_304_112_019
#: Seconds between two tries for the lock. A statement that waits would have a snapshot, which blocks whatever waits for
#: all snapshots to end, such as CREATE INDEX CONCURRENTLY.
_LOOK_AGAIN_S = 0.1


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision. Synchronous; runs its own event loop.

    Concurrent migrations take turns. If a table's lock is not free within 5 s, the migration fails, so that it does not
    block every other statement on the table.

    Raises:
        Conflict: Another version has made the database.
        DatabaseUnavailable: The database can't be reached.
        DatabaseRefused: PostgreSQL refuses the connection.
        asyncpg.PostgresError: A statement failed.
    """
    asyncio.run(_migrate(database_url))


async def _migrate(database_url: str) -> None:
    conn = await connect(database_url)
    try:
        while not await conn.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(_LOOK_AGAIN_S)
        await _known_revision(conn)
        # Alembic is synchronous and runs its own event loop, which needs its own thread.
        try:
            await asyncio.to_thread(upgrade, database_url, "head")
        except DBAPIError as error:
            # SQLAlchemy's own error has the statement and a page of advice.
            raise getattr(error.orig, "__cause__", None) or error from error
        await _install_functions(database_url)
    finally:
        # Closing the connection releases the lock.
        await conn.close()


async def check_migrated(database_url: str) -> None:
    """Connect, and refuse a database that this version must not start to work on; see `check_revision`.

    Raises:
        Conflict: The database must be migrated first, or another version has made it.
        DatabaseUnavailable: The database can't be reached.
        DatabaseRefused: PostgreSQL refuses the connection.
    """
    conn = await connect(database_url)
    try:
        await check_revision(conn)
    finally:
        await conn.close()


async def check_revision(conn: Connection) -> None:
    """Refuse a database that this version must not start to work on.

    A running process continues when the database becomes newer, so that processes can be replaced one by one.

    Raises:
        Conflict: The database must be migrated first, or another version has made it.
    """
    revision = await _known_revision(conn)
    if revision is None:
        raise Conflict("The database has not been migrated: run `tellgraph migrate` first.")
    if revision != (head := _scripts().get_current_head()):
        raise Conflict(f"The database is at revision {revision} and must be at {head}: run `tellgraph migrate` first.")


def upgrade(database_url: str, revision: str) -> None:
    """Bring the tables to a revision, like `migrate`, but don't install the functions."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)


async def _known_revision(conn: Connection) -> str | None:
    """Return the revision of the database's tables; None if there are none.

    Raises:
        Conflict: This version does not have the revision: it is of a newer version, or from before the release.
    """
    if await conn.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await conn.fetchval("select version_num from alembic_version")
    if revision is not None and revision not in {script.revision for script in _scripts().walk_revisions()}:
        raise Conflict(
            f"The database is at revision {revision}, which this version doesn't know:"
            " use a newer version, or a new database if this one was made before 0.1.0."
        )
    return revision


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


async def _install_functions(database_url: str) -> None:
    """Install the only definition of each function in one transaction, so that workers see all of them or none."""
    conn = await connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '5s'")
            # They come by name, so one may call another that comes later.
            await conn.execute("set local check_function_bodies = off")
            for path in sorted(_FUNCTIONS.glob("*.sql")):
                await conn.execute(path.read_text())
            await triggers.install(conn)
    finally:
        await conn.close()
