"""One thing that was looked at, and what was found."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`WARNING`: it works, and somebody should look at it. `UNKNOWN`: it could not be looked at."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report.

    Args:
        subject: The part, as in “PostgreSQL”.
        message: What was found.
        cure: What to do about it. None if there is nothing to do.
    """

    subject: str
    state: State
    message: str
    cure: str | None = None
