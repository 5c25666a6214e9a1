"""Connect to PostgreSQL outside of a pool, with errors that name the server and not the password."""

from urllib.parse import urlsplit

import asyncpg

from app.db.hosts import UNREACHABLE, Hosts
from app.db.pool import CONNECT_TIMEOUT_S, Connection
from app.errors import DatabaseUnavailable, TellgraphError
from app.kernel.error_reason import reason_of

#: The oldest PostgreSQL with unlogged sequences. 14 gets no mends any more since November 2026.
LEAST_VERSION = 15


class DatabaseRefused(TellgraphError):
    """PostgreSQL answers and refuses the connection, or the URL can't be read: waiting does not help."""

    code = "DATABASE_REFUSED"


async def connect(database_url: str) -> Connection:
    """Open a connection, which the caller closes.

    Raises:
        DatabaseUnavailable: PostgreSQL can't be reached. A later try may succeed.
        DatabaseRefused: The password is wrong, there is no such database, its version is too old, or the like.
    """
    try:
        conn = await Hosts(database_url).connect(timeout=CONNECT_TIMEOUT_S)
    except UNREACHABLE as error:
        raise unreachable(database_url, error) from error
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
        message = f"PostgreSQL at {place_of(database_url)} can't be used: {reason_of(error)}."
        raise DatabaseRefused(message) from error
    version = conn.get_server_version()
    if version.major < LEAST_VERSION:
        await conn.close()
        found = f"it is version {version.major}, and Tellgraph needs {LEAST_VERSION} or newer"
        raise DatabaseRefused(f"PostgreSQL at {place_of(database_url)} can't be used: {found}.")
    return conn


def unreachable(database_url: str, error: Exception) -> DatabaseUnavailable:
    """Return the error that says which server can't be reached, and why."""
    return DatabaseUnavailable(f"PostgreSQL at {place_of(database_url)} can't be reached: {reason_of(error)}.")


def place_of(database_url: str) -> str:
    """Return host, port and database of a URL, without user and password."""
    try:
        parts = urlsplit(database_url)
    except ValueError:
        return "TELLGRAPH_DATABASE_URL"
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}" or "its default place"
