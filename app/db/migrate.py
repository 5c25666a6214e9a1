"""Migrations: Alembic's revisions, then the functions: those of `functions/`, and those generated from the tables."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from app.capture import triggers
from app.db.pool import UNREACHABLE, Connection
from app.errors import Conflict

_SCRIPTS = Path(__file__).with_name("migrations")
_FUNCTIONS = _SCRIPTS / "functions"

#: PostgreSQL's advisory lock of whoever migrates this database. Any number will do.
_LOCK = 7_304_112_019
#: How often one that waits for another to finish looks again. Not by waiting in a statement: its snapshot would hold up
#: what waits for all others to end, such as an index that is made concurrently.
_LOOK_AGAIN_S = 0.1


def migrate(database_url: str) -> None:
    """Bring the database to the newest revision. Synchronous; runs its own event loop.

    Several at once take turns. A table's lock that cannot be had within 5 s fails the migration instead of queueing
    every other statement behind it.
    Raises: asyncpg.PostgresError, OSError; Conflict when the database is of another version's making.
    """
    asyncio.run(_migrate(database_url))


async def _migrate(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    try:
        while not await conn.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(_LOOK_AGAIN_S)
        await _known_revision(conn)
        # Alembic is synchronous and runs an event loop of its own, which needs a thread of its own.
        await asyncio.to_thread(upgrade, database_url, "head")
        await _install_functions(database_url)
    finally:
        # The lock goes with the connection.
        await conn.close()


async def check_migrated(database_url: str) -> None:
    """Refuse a database that this version must not begin to work on.

    A process that runs already goes on when the database becomes newer, so that processes can be replaced one by one.
    A database that can't be reached is waited for elsewhere.
    Raises: Conflict when the database must be migrated first, or is of another version's making.
    """
    try:
        conn = await asyncpg.connect(database_url)
    except UNREACHABLE:
        return
    try:
        revision = await _known_revision(conn)
    finally:
        await conn.close()
    if revision is None:
        raise Conflict("The database has not been migrated: run `tellgraph migrate` first.")
    if revision != (head := _scripts().get_current_head()):
        raise Conflict(f"The database is at revision {revision} and must be at {head}: run `tellgraph migrate` first.")


def upgrade(database_url: str, revision: str) -> None:
    """Bring the tables to a revision; the functions are not installed. Otherwise as `migrate`."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)


async def _known_revision(conn: Connection) -> str | None:
    """Return the revision of the database's tables; None without any.

    Raises: Conflict when this version has no such revision: a newer version made it, or one from before the release,
    whose revisions were numbers alone.
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
    """Each function's one definition, whatever revisions ran. In one transaction: workers see all or none of it."""
    conn = await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '5s'")
            for path in sorted(_FUNCTIONS.glob("*.sql")):
                await conn.execute(path.read_text())
            await triggers.install(conn)
    finally:
        await conn.close()
