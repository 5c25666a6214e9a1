"""Times that PostgreSQL can store and Python can't represent, such as the year 20000 or years before Christ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.db.pool import Connection

#: The driver's errors for such a time. The whole statement fails.
UNREADABLE_ERRORS = (OverflowError, ValueError)

_INFINITE = {"infinity": datetime.max, "-infinity": datetime.min}  # noqa: DTZ901  # as the driver has them


class UnreadableTime:
    """A time that has no datetime. `text` is PostgreSQL's form of it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@asynccontextmanager
async def times_as_text(conn: Connection) -> AsyncIterator[None]:
    """Have the connection read times from text, and unreadable ones as UnreadableTime.

    The connection prepares its statements again before and after. Use it only to repeat a statement that has failed.
    """
    await conn.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=datetime.isoformat, decoder=read_time, format="text"
    )
    try:
        yield
    finally:
        await conn.reset_type_codec("timestamptz", schema="pg_catalog")


def read_time(text: str) -> datetime | UnreadableTime:
    """Parse PostgreSQL's text of a time, as the driver does."""
    try:
        return _INFINITE.get(text) or datetime.fromisoformat(text).astimezone(UTC)
    except UNREADABLE_ERRORS:
        return UnreadableTime(text)
