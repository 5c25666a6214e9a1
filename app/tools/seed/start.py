"""What every seeding does first."""

from databases import Database

from app.db.pool import Connection, transaction
from app.errors import Conflict


async def has_sellers(database: Database) -> bool:
    """Whether this marketplace has begun."""
    async with transaction(database) as conn:
        return await _has_sellers(conn)


async def begin(conn: Connection, *, again: bool) -> None:
    """Raises Conflict when there are sellers already and `again` was not given."""
    # Of two seedings at once, the second must find the first one's sellers.
    await conn.execute("lock table sellers in share row exclusive mode")
    if not again and await _has_sellers(conn):
        raise Conflict("There are sellers already, so nothing was seeded. To add more beside them: --again.")


async def _has_sellers(conn: Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers)"))
