"""The places of one process for POSTs, and the events that a publishing step puts into them as it makes them.

`Places` is needed. `Handover` is there only for speed: without it, a claim would find the same events a moment later.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.immediate_claims import ClaimTerms
from app.webhooks.services.attempts import Outcome
from workers.deliver.fairness import ClaimBudget, FairTurns, find_claim_budget
from workers.deliver.lease import elapsed_s


@dataclass(slots=True)
class Places:
    """The places of one process: how many POSTs it may have in flight, and the bytes of those that are.

    Attributes:
        total: The number of POSTs.
        sending: One entry is one place: a POST that is in flight, or has ended and is not stored yet, with its bytes.
        promised: The bytes of events that a publishing step may be claiming, each with a place of its own.
        mean_bytes: The mean size of the last claim's payloads.
    """

    total: int
    sending: dict[asyncio.Task[Outcome | None], int] = field(default_factory=dict)
    promised: list[int] = field(default_factory=list)
    mean_bytes: int = 1

    def find_budget(self) -> ClaimBudget | None:
        """Return the bounds of the next claim; None when no place is left."""
        in_flight = [*self.sending.values(), *self.promised]
        return find_claim_budget(places=self.total, in_flight=in_flight, mean_bytes=self.mean_bytes)


@dataclass(slots=True, kw_only=True)
class Handover:
    """Takes the events that one publishing step claims as it makes them, and sends them after its commit.

    Attributes:
        send_all: Begins to send claimed events. The second argument is the time at which they were asked for.
    """

    places: Places
    turns: FairTurns
    lease_s: float
    send_all: Callable[[Sequence[DueEvent], float], None]
    _promised: list[int] = field(default_factory=list)
    _asked_at: float = 0.0
    _taken: list[DueEvent] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """The number of events that were claimed."""
        return len(self._taken)

    def promise(self, sizes: Sequence[int]) -> ClaimTerms | None:
        """Keep places for as many events as there is room for, the first ones.

        When the process has few places left, claims decide whose they are.

        Args:
            sizes: The bytes of the payload of each event.

        Returns:
            None when there are too few places.
        """
        budget = self.places.find_budget()
        if budget is None or budget.only_idle or self._promised:
            return None
        room = budget.max_bytes
        for size in sizes[: budget.limit]:
            if (room := room - size) < 0:
                break
            self._promised.append(size)
        self.places.promised += self._promised
        self._asked_at = elapsed_s()
        return ClaimTerms(limit=len(self._promised), per_webhook=self.turns.per_webhook(budget), lease_s=self.lease_s)

    def take(self, due: Sequence[DueEvent]) -> None:
        """Note the events that were claimed, for which places were promised."""
        self._taken += due

    def send(self) -> None:
        """Begin to send what was taken. The step has been committed."""
        self.send_all(self._taken, self._asked_at)

    def close(self) -> None:
        """Give back the places that were promised."""
        for size in self._promised:
            self.places.promised.remove(size)
        self._promised.clear()
