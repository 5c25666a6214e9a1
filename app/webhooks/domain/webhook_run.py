"""Runs over many rows for one webhook: backfills, and replays of many events."""

from enum import StrEnum


class WebhookRunState(StrEnum):
    """Where a run stands; stored by value."""

    RUNNING = "RUNNING"
    """Workers move it on, batch by batch."""
    DONE = "DONE"
    """Everything has been handled."""
    CANCELLED = "CANCELLED"
    """Ended by hand, or with its webhook; what it had made by then stays."""
    FAILED = "FAILED"
    """It can't go on; what it had made by then stays."""
