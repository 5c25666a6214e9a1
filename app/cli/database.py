"""Look at the database's revision before a command works on it."""

import asyncio
import time

from app.db.migrate import check_migrated
from app.errors import DatabaseUnavailable
from app.telemetry.outages import Outage

#: Seconds between two tries to reach PostgreSQL.
_AGAIN_S = 1.0


def check_database(database_url: str) -> None:
    """Refuse a database that is away, or that this version can't work on; see `check_migrated` for its errors."""
    asyncio.run(check_migrated(database_url))


def await_database(database_url: str) -> None:
    """Do the same, but wait while PostgreSQL can't be reached."""
    outage = Outage("serve.waiting_for_postgresql", "serve.reached_postgresql")
    while True:
        try:
            check_database(database_url)
        except DatabaseUnavailable as error:
            outage.note(error)
            time.sleep(_AGAIN_S)
        else:
            outage.end()
            return
