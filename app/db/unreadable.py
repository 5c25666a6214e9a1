"""Times that PostgreSQL can hold and Python can't, such as those of the year 20000 or before Christ."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from app.db.pool import Connection

#: What the driver raises for one of them; the whole statement fails.
UNREADABLE_ERRORS = (OverflowError, ValueError)

_INFINITE = {"infinity": datetime.max, "-infinity": datetime.min}  # noqa: DTZ901  # as the driver has them


class UnreadableTime:
    """A time that has no datetime. `text`: as PostgreSQL writes it."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@asynccontextmanager
async def times_as_text(conn: Connection) -> AsyncIterator[None]:
    """Have the connection read times from text, and unreadable ones as UnreadableTime.

    It prepares its statements anew at both ends: only for a statement that has failed.
    """
    await conn.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=datetime.isoformat, decoder=read_time, format="text"
    )
    try:
        yield
    finally:
        await conn.reset_type_codec("timestamptz", schema="pg_catalog")


def read_time(text: str) -> datetime | UnreadableTime:
    """A time as the driver reads it, from PostgreSQL's text."""
    try:
        return _INFINITE.get(text) or datetime.fromisoformat(text).astimezone(UTC)
    except UNREADABLE_ERRORS:
        return UnreadableTime(text)
