"""The database's lifespan, connections and transactions.

`databases` owns the pool, its connections and transactions. Statements run on the connection's `raw_connection`
(asyncpg: prepared, `$1`), because `fetch_all` costs 0.15 ms for each. The connection is passed explicitly: `databases`
gives each asyncio task its own, so child tasks would not see a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from databases import Database

from app.db.hosts import UNREACHABLE, Hosts
from app.errors import DatabaseUnavailable

if TYPE_CHECKING:
    Record = asyncpg.Record
    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Record = asyncpg.Record
    Connection = asyncpg.Connection | PoolConnectionProxy

T = TypeVar("T")


class RowReader(Protocol):
    """A connection, or what shares one among the resolvers of an operation."""

    async def fetch(self, sql: str, /, *args: object) -> list[Record]: ...


SERVER_SETTINGS = {
    "application_name": "tellgraph",
    "jit": "off",
    "timezone": "UTC",
    # Reads are of few rows, in memory or on an SSD. With PostgreSQL's default of 4, it builds a bitmap and sorts for
    # each list of two rows, although the index has them in order.
    "random_page_cost": "1.1",
}

#: Seconds after which a silent transaction is ended. An old snapshot holds back vacuum, and makes each empty claim
#: cost milliseconds.
_SILENT_S = 60.0
#: Seconds to connect, also for a server that accepts the connection and does not answer.
CONNECT_TIMEOUT_S = 5.0

_HAS_TRANSACTION_TIMEOUT = 17

#: Errors of a statement whose connection or server is lost. The last one is asyncpg's for the same cause.
DATABASE_ERRORS = (
    DatabaseUnavailable,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: Errors that only say that PostgreSQL is away, is going away, or has no connection left.
OUTAGES = (DatabaseUnavailable, *UNREACHABLE, asyncpg.AdminShutdownError, asyncpg.CrashShutdownError)

#: Errors that another transaction causes, a deadlock or a serialization failure: the same work succeeds later.
CONFLICTS = (asyncpg.TransactionRollbackError,)

#: Errors of the statement itself: it fails each time. A cached plan that a migration has made invalid is not among
#: them.
REFUSALS = (
    asyncpg.SyntaxOrAccessError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.DataError,
    asyncpg.InternalServerError,
)


def is_outage(error: BaseException | None) -> bool:
    """Return whether an error only says that PostgreSQL is away, also behind asyncpg's about a closed connection."""
    while isinstance(error, asyncpg.InterfaceError):
        error = error.__cause__ or error.__context__
    return isinstance(error, OUTAGES)


def create_database(url: str, *, pool_size: int, timeout_s: float | None = None, by_index: bool = False) -> Database:
    """Return a `Database` that is not connected yet; `async with database:` is its lifespan.

    Args:
        pool_size: The most connections.
        timeout_s: Seconds until a statement without an answer is given up with its connection, and until PostgreSQL
            ends a transaction whose client is silent. None: statements have no limit, and silent transactions a minute.
        by_index: Never plan a sequential scan if an index serves. The queue's tables are small only most of the time.
    """

    async def limit(conn: Connection) -> None:
        # To PostgreSQL, a client that falls silent between Parse and Bind is neither idle nor within a statement.
        # Before 17, only the network's keepalive ends it. The limit is doubled: a transaction has several statements.
        if timeout_s is not None and conn.get_server_version().major >= _HAS_TRANSACTION_TIMEOUT:
            await conn.execute(f"set transaction_timeout = {round(2000 * timeout_s)}")

    limits = _ended_when_silent(round((timeout_s or _SILENT_S) * 1000))
    planning = {"enable_seqscan": "off"} if by_index else {}
    # asyncpg reads the URL itself: `databases` would leave out its options, such as sslmode, and can't read hosts.
    return Database(
        "postgresql:///",
        dsn=url,
        connect=Hosts(url).connect,
        host=None,
        port=None,
        user=None,
        password=None,
        database=None,
        min_size=1,
        max_size=pool_size,
        server_settings=SERVER_SETTINGS | limits | planning,
        command_timeout=timeout_s,
        timeout=CONNECT_TIMEOUT_S,
        init=limit,
        reset=_keep,
    )


def _ended_when_silent(silent_ms: int) -> dict[str, str]:
    """Return settings by which PostgreSQL ends the transactions of lost clients: their locks block others."""
    keepalive_s = str(max(silent_ms // 4000, 1))
    return {
        "idle_in_transaction_session_timeout": str(silent_ms),
        "tcp_user_timeout": str(silent_ms),
        "tcp_keepalives_idle": keepalive_s,
        "tcp_keepalives_interval": keepalive_s,
        "tcp_keepalives_count": "3",
    }


async def _keep(_: Connection) -> None:
    """Reset nothing when a connection is released: no session state is left, and asyncpg ends transactions."""


@asynccontextmanager
async def connection(database: Database) -> AsyncIterator[Connection]:
    """Take a connection from the pool, without a transaction. Raises DatabaseUnavailable if there is none."""
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
            # The connection broke while it was released. `databases` would keep it for this task, which then never
            # gets another one.
            database._connection = None
            raise


@asynccontextmanager
async def transaction(database: Database, *, actor: str | None = None) -> AsyncIterator[Connection]:
    """Take a connection in a READ COMMITTED transaction, which is committed at the end or rolled back on an error.

    Within `one_transaction`, it is a part of that transaction, which is committed at the end of that block.

    Args:
        actor: The name that is recorded with each change event of the transaction. None: PostgreSQL's user.
    """
    whole = _WHOLE.get()
    if whole is not None and whole.task is asyncio.current_task():
        yield await whole.connection()
        return
    async with connection(database) as conn, conn.transaction():
        if actor is not None:
            await conn.execute("select set_config('tellgraph.actor', $1, true)", actor)
        yield conn


class WholeTransaction:
    """One transaction of all that a task opens within a block. It begins when the first of them is opened."""

    def __init__(self, database: Database, stack: AsyncExitStack, *, actor: str) -> None:
        self.task = asyncio.current_task()
        self._database, self._stack, self._actor = database, stack, actor
        self._conn: Connection | None = None

    async def connection(self) -> Connection:
        """Return the connection of the transaction, which has begun."""
        if self._conn is None:
            self._conn = await self._stack.enter_async_context(connection(self._database))
            await self._stack.enter_async_context(self._conn.transaction())
            await self._conn.execute(
                "select set_config('tellgraph.actor', $1, true), set_config('tellgraph.audited', 'on', true)",
                self._actor,
            )
        return self._conn


_WHOLE: ContextVar[WholeTransaction | None] = ContextVar("whole_transaction", default=None)


@asynccontextmanager
async def one_transaction(database: Database, *, actor: str) -> AsyncIterator[WholeTransaction]:
    """Make one transaction of all that this task opens within the block, so that more can be written with them.

    It is committed at the end of the block, or rolled back on an error. What the task reads or waits for before the
    first of them is outside of it. The caller writes an audit entry: triggers leave to it what they note of webhooks
    (app/db/migrations/functions/audit_webhook.sql).

    Args:
        actor: As in `transaction`. Those within the block don't change it.
    """
    async with AsyncExitStack() as stack:
        whole = WholeTransaction(database, stack, actor=actor)
        stack.callback(_WHOLE.reset, _WHOLE.set(whole))
        yield whole


async def retry_if_moved(conn: Connection, run: Callable[[], Awaitable[T]]) -> T:
    """Run a statement that locks webhook events, and repeat it if one of them moves to another partition.

    While a statement waits for a row, another transaction may move it to another partition. PostgreSQL does not follow
    it there: the statement fails with SQLSTATE 40001 at every isolation level. The repeated statement finds the row.
    """
    while True:
        try:
            # Within a transaction this is a savepoint, so that earlier work is kept.
            async with conn.transaction():
                return await run()
        except asyncpg.SerializationError:
            continue
