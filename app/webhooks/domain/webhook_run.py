"""Runs over many rows for one webhook: backfills, and replays of many events."""

from enum import StrEnum


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
