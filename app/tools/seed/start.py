"""Begin a seeding."""

from databases import Database

from app.db.pool import Connection, transaction
from app.errors import Conflict


async def has_sellers(database: Database) -> bool:
    """Return whether there are sellers."""
    async with transaction(database) as conn:
        return await _has_sellers(conn)


async def begin(conn: Connection, *, again: bool) -> None:
    """Raise Conflict if there are sellers and `again` is False."""
    # Of two seedings at once, the second must find the first one's sellers.
    await conn.execute("lock table sellers in share row exclusive mode")
    if not again and await _has_sellers(conn):
        raise Conflict("There are sellers already, so nothing was seeded. To add more beside them: --again.")


async def _has_sellers(conn: Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers)"))
