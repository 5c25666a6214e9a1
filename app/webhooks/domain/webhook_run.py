"""Runs over many rows for one webhook: backfills, replays of many events, and reconciles."""

from enum import StrEnum
from typing import Final

#: Entities per second that a run handles at most.
MAX_RATE_PER_S: Final = 500


class WebhookRunState(StrEnum):
    """The state of a run; stored by value."""

    RUNNING = "RUNNING"
    """Workers move it on, batch by batch."""
    DONE = "DONE"
    """Everything has been handled."""
    CANCELLED = "CANCELLED"
    """Ended by hand, or with its webhook. The events that it has made stay."""
    FAILED = "FAILED"
    """It can't go on. The events that it has made stay."""
