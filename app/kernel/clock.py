"""The only source of the time of day in this process. What is stored takes PostgreSQL's."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)
