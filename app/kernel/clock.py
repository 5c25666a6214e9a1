"""The clock of this process. Stored times are taken from PostgreSQL's clock."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present time, aware, in UTC."""
    return datetime.now(UTC)
