"""The lease of a claimed event. When it ends, another worker may send the event, and newer ones after it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Seconds that a lease lasts beyond the POST's own time limit, at least; claim_webhook_events.sql has the same.
RECORD_S: Final = 2.0
#: Seconds that a POST may go on after its time limit, at most.
_BREAKING_OFF_S: Final = 0.1
#: On Linux the monotonic clock stands still while the machine is suspended; PostgreSQL's does not.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class LeaseOver(Exception):
    """A POST was not begun, because it might not have ended within its lease. Nothing was sent."""


def elapsed_s() -> float:
    """Read the clock of leases, in seconds. It goes on while the process is stopped or the machine is suspended."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed event's lease. `ends_at` is a time of `clock`, never later than the end that PostgreSQL has stored."""

    ends_at: float
    clock: Callable[[], float] = elapsed_s

    @classmethod
    def granted(cls, asked_at: float, *, lease_s: float, timeout_s: float) -> "Lease":
        """Return the lease of an event that was claimed by a statement sent at `asked_at`.

        PostgreSQL counts from a later moment, so this lease never ends after the stored one.
        """
        return cls(asked_at + max(lease_s, timeout_s + RECORD_S))

    def check(self, needed_s: float) -> None:
        """Raise LeaseOver unless a POST that begins now and takes at most `needed_s` ends within the lease."""
        if self.clock() + needed_s + _BREAKING_OFF_S > self.ends_at:
            raise LeaseOver
