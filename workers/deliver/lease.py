"""The lease of a claimed event: when it is over, another worker sends the event, and may send newer ones after it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: A lease is at least so much longer than the POST may take; claim_webhook_events.sql has the same.
RECORD_S: Final = 2.0
#: A POST that is broken off at its time limit ends so much later at most.
_BREAKING_OFF_S: Final = 0.1
#: On Linux the monotonic clock stands still while the machine is suspended; PostgreSQL's does not.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class LeaseOver(Exception):
    """A POST was not begun, because it might not have ended within its lease. Nothing of it was sent."""


def elapsed_s() -> float:
    """Read the clock of leases: seconds that go on while the process is stopped or the machine is suspended."""
    return time.clock_gettime(_CLOCK)


@dataclass(frozen=True, slots=True)
class Lease:
    """A claimed event's lease. ends_at: by `clock`, and never later than what PostgreSQL has written."""

    ends_at: float
    clock: Callable[[], float] = elapsed_s

    @classmethod
    def granted(cls, asked_at: float, *, lease_s: float, timeout_s: float) -> "Lease":
        """Return the lease of an event that was claimed by a statement sent at `asked_at`.

        PostgreSQL counts from a moment after that one. How long the claim, or its answer, waited then is not known.
        """
        return cls(asked_at + max(lease_s, timeout_s + RECORD_S))

    def check(self, needed_s: float) -> None:
        """Raise LeaseOver unless what begins now, and takes so many seconds at most, ends within the lease."""
        if self.clock() + needed_s + _BREAKING_OFF_S > self.ends_at:
            raise LeaseOver
