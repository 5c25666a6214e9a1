"""The bounds of publishing steps. Work that does not fit waits for the next step; failures make steps smaller."""

import time
from dataclasses import dataclass, field

#: Webhook events that one step makes: some 0.2 s of work.
MAX_MATCHES = 2_000
#: Bytes of the bodies that one step renders.
MAX_BYTES = 16 * 1024 * 1024
#: Seconds for which one step renders. Its locks keep other publishers waiting for as long.
MAX_SECONDS = 0.25


@dataclass(slots=True)
class Budget:
    """Counts down a step's bounds. A new budget always has room for something, so that each step makes progress."""

    matches: int = MAX_MATCHES
    bytes: int = MAX_BYTES
    seconds: float = MAX_SECONDS
    _started: float = field(default_factory=time.monotonic)
    _is_new: bool = True

    @property
    def is_spent(self) -> bool:
        if self._is_new:
            return False
        return self.matches <= 0 or self.bytes <= 0 or time.monotonic() - self._started >= self.seconds

    def spend(self, *, matches: int, bytes: int) -> None:
        self._is_new = False
        self.matches -= matches
        self.bytes -= bytes


@dataclass(slots=True)
class Pace:
    """Sets the size of a process's steps: a failure makes them smaller, each success larger again.

    `failures` counts failed steps of a single entity, one after another.
    """

    failures: int = 0
    _divisor: int = 1

    def limit(self, most: int) -> int:
        """Return how many change events the next step claims."""
        return max(1, most // self._divisor)

    @property
    def is_careful(self) -> bool:
        """Tell whether steps isolate failures by savepoints: after a failure, until steps have their full size."""
        return self._divisor > 1

    def fail(self, most: int) -> None:
        self.failures += self.limit(most) == 1 and self.is_careful
        self._divisor = min(4 * self._divisor, 4 * most)

    def succeed(self) -> None:
        self.failures = 0
        self._divisor = max(1, self._divisor // 2)
