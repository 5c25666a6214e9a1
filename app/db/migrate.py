"""Migrations: Alembic's revisions, then the functions of `functions/` and those generated from the tables."""

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
        Conflict: The database belongs to a newer version.
        asyncpg.PostgresError: A statement failed.
        OSError: The database can't be reached.
    """
    asyncio.run(_migrate(database_url))


async def _migrate(database_url: str) -> None:
    conn = await asyncpg.connect(database_url)
    try:
        while not await conn.fetchval("select pg_try_advisory_lock($1)", _LOCK):  # noqa: ASYNC110  # of another process
            await asyncio.sleep(_LOOK_AGAIN_S)
        revision = await _revision(conn)
        if revision is not None and revision not in _known():
            raise Conflict(f"The database is at revision {revision}, which this version doesn't know: use a newer one.")
        # Alembic is synchronous and runs its own event loop, which needs its own thread.
        await asyncio.to_thread(upgrade, database_url, "head")
        await _install_functions(database_url)
    finally:
        # Closing the connection releases the lock.
        await conn.close()


async def check_migrated(database_url: str) -> str | None:
    """Check whether this version can work on the database.

    An older version works on newer tables, so that processes can be replaced one by one. A database that can't be
    reached is not checked; the caller waits for it.

    Returns:
        A warning if the database belongs to a newer version, else None.

    Raises:
        Conflict: The database has to be migrated first.
    """
    try:
        conn = await asyncpg.connect(database_url)
    except UNREACHABLE:
        return None
    try:
        revision = await _revision(conn)
    finally:
        await conn.close()
    head, known = _scripts().get_current_head(), _known()
    if revision is None:
        raise Conflict("The database has not been migrated: run `tellgraph migrate` first.")
    if revision not in known:
        return f"The database is at revision {revision}, and this version knows up to {head}: deploy the newer version."
    if revision != head:
        raise Conflict(f"The database is at revision {revision} and must be at {head}: run `tellgraph migrate` first.")
    return None


def upgrade(database_url: str, revision: str) -> None:
    """Bring the tables to a revision, like `migrate`, but don't install the functions."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.attributes["database_url"] = database_url
    command.upgrade(config, revision)


async def _revision(conn: Connection) -> str | None:
    """Return the revision of the database's tables; None if there are none."""
    if await conn.fetchval("select to_regclass('alembic_version')") is None:
        return None
    revision: str | None = await conn.fetchval("select version_num from alembic_version")
    return revision


def _known() -> set[str]:
    """Return the revisions that this version knows."""
    return {script.revision for script in _scripts().walk_revisions()}


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(_SCRIPTS))


async def _install_functions(database_url: str) -> None:
    """Install the only definition of each function in one transaction, so that workers see all of them or none."""
    conn = await asyncpg.connect(database_url)
    try:
        async with conn.transaction():
            await conn.execute("set local lock_timeout = '5s'")
            for path in sorted(_FUNCTIONS.glob("*.sql")):
                await conn.execute(path.read_text())
            await triggers.install(conn)
    finally:
        await conn.close()
