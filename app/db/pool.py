"""The database's lifespan, connections and transactions.

`databases` owns the pool, its connections and transactions; statements run on the connection's
`raw_connection` (asyncpg: prepared, `$1`), which costs nothing where `fetch_all` costs 0.15 ms each.
The connection is passed explicitly: `databases` gives each asyncio task its own, so a transaction
would be invisible to child tasks.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from app.errors import DatabaseUnavailable

if TYPE_CHECKING:
    Record = asyncpg.Record
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Record = asyncpg.Record
    Connection = asyncpg.Connection | PoolConnectionProxy

T = TypeVar("T")

SERVER_SETTINGS = {
    "application_name": "tellgraph",
    "jit": "off",
    "timezone": "UTC",
    # What is read belongs to few rows and is in memory, or on a disk without arms. By PostgreSQL's own 4, it makes a
    # bitmap and sorts for each list of two rows, where the index gives them in their order.
    "random_page_cost": "1.1",
}

#: Ours may not hold back vacuum for longer: one old snapshot makes each empty claim cost milliseconds.
_SILENT_S = 60.0
#: Seconds to connect: a server that takes the connection and says nothing is no server.
_CONNECT_TIMEOUT_S = 5.0

_HAS_TRANSACTION_TIMEOUT = 17

#: Why a connection can't be had at the moment: a later try may succeed.
UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)

#: What a statement raises whose connection, or server, goes away. The last one is asyncpg's confusion about it.
DATABASE_ERRORS = (
    DatabaseUnavailable,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: What another transaction is to blame for, a deadlock or a serialization failure: the same work succeeds later.
CONFLICTS = (asyncpg.TransactionRollbackError,)

#: What is held against a statement itself: it fails again, however often it is run. A plan that asyncpg has cached and
#: that a migration has made invalid is none of these.
REFUSALS = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DataError,
    asyncpg.InternalServerError,
)


def create_database(url: str, *, pool_size: int, timeout_s: float | None = None, by_index: bool = False) -> Database:
    """A `Database` that is not connected yet; `async with database:` is its lifespan.

    timeout_s  until a statement without an answer is given up, with its connection, and until PostgreSQL ends a
               transaction whose client is silent; None: a minute for the latter, and no end to the former.
    by_index   plan no sequential scan where an index serves: the queue's tables are small only most of the time.
    """

    async def limit(conn: Connection) -> None:
        # A client that falls silent between Parse and Bind is neither idle nor within a statement to PostgreSQL.
        # Before 17, only the network's keepalive ends it. Twice as long, since a transaction is several statements.
        if timeout_s is not None and conn.get_server_version().major >= _HAS_TRANSACTION_TIMEOUT:
            await conn.execute(f"set transaction_timeout = {round(2000 * timeout_s)}")

    limits = _ended_when_silent(round((timeout_s or _SILENT_S) * 1000))
    planning = {"enable_seqscan": "off"} if by_index else {}
    return Database(
        url,
        min_size=1,
        max_size=pool_size,
        server_settings=SERVER_SETTINGS | limits | planning,
        command_timeout=timeout_s,
        timeout=_CONNECT_TIMEOUT_S,
        init=limit,
        reset=_keep,
    )


def _ended_when_silent(silent_ms: int) -> dict[str, str]:
    """Have PostgreSQL end what a client has left that the network cut off: its locks keep others from their work."""
    keepalive_s = str(max(silent_ms // 4000, 1))
    return {
        "idle_in_transaction_session_timeout": str(silent_ms),
        "tcp_user_timeout": str(silent_ms),
        "tcp_keepalives_idle": keepalive_s,
        "tcp_keepalives_interval": keepalive_s,
        "tcp_keepalives_count": "3",
    }


async def _keep(_: Connection) -> None:
    """No round trip at each release: nothing here leaves session state behind, and asyncpg ends transactions."""


@asynccontextmanager
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A pooled connection, without a transaction. Raises DatabaseUnavailable when none can be had."""
    try:
        pooled = database.connection()
        await pooled.__aenter__()
    except UNREACHABLE as error:
        raise DatabaseUnavailable("The database can't be reached at the moment.") from error
    try:
        raw: Connection = pooled.raw_connection
        yield raw
    finally:
        try:
            await pooled.__aexit__(None, None, None)
        except BaseException:
            # A connection that breaks while it is given back: `databases` would keep it for this task, and refuse
            # the task another one for ever.
            database._connection = None
            raise


@asynccontextmanager
async def transaction(database: Database, *, actor: str | None = None) -> AsyncIterator[Connection]:
    """A pooled connection in a READ COMMITTED transaction: committed at the end, rolled back on an error.

    actor  is recorded with each change event of the transaction.
    """
    async with connection(database) as conn, conn.transaction():
        if actor is not None:
            await conn.execute("select set_config('tellgraph.actor', $1, true)", actor)
        yield conn


async def unmoved(conn: Connection, run: Callable[[], Awaitable[T]]) -> T:
    """Run a statement that locks webhook events; again, when one of them has moved to another partition meanwhile.

    PostgreSQL follows a row that was changed while a statement waited for it, but not into another partition: then
    it fails with SQLSTATE 40001, whatever the isolation. Looking again finds the row where it is now.
    """
    while True:
        try:
            # Within a transaction this is a savepoint: what was done before stays.
            async with conn.transaction():
                return await run()
        except asyncpg.SerializationError:
            continue
