"""Share the places of one process among webhooks, so that a slow or dead endpoint delays no other webhook.

`find_claim_budget` is needed: it keeps places free for healthy webhooks. `FairTurns` is a measured optimisation:
without it a large backlog would delay small ones, but every event would still be delivered. A reader may skip it.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from app.webhooks.db.deliveries import DueEvent

#: Events of one claim, at most. It bounds how long a claim takes.
CLAIM_SIZE: Final = 200
#: Bytes of payloads in flight in one process. They take about twice as much memory, whatever the number of POSTs.
MAX_BYTES_IN_FLIGHT: Final = 64 * 1024 * 1024
#: One tenth of the places and of the bytes is reserved for healthy webhooks that have nothing in flight: hundreds of
#: endpoints that hang may take all other places before they are known to fail. One webhook also gets a tenth of a
#: claim.
TENTH: Final = 10
#: Places of a webhook whose last attempts all failed; and the same once half of the process's places are taken.
FAILING_SHARE: Final = 10
CROWDED_FAILING_SHARE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBudget:
    """The bounds of the next claim.

    Attributes:
        limit: Number of events, at most.
        max_bytes: Bytes of payloads, at most.
        failing_share: Places of each webhook whose last attempts all failed.
        only_idle: Whether only healthy webhooks with nothing in flight are claimed from.
    """

    limit: int
    max_bytes: int
    failing_share: int
    only_idle: bool


def find_claim_budget(*, places: int, in_flight: Collection[int], mean_bytes: int) -> ClaimBudget | None:
    """Return the bounds of the next claim.

    Args:
        places: Number of POSTs that the process may have in flight.
        in_flight: Bytes of the payload of each POST in flight.
        mean_bytes: Mean size of recent payloads. It limits how many events are claimed; `max_bytes` limits their real
            size.

    Returns:
        None when no place or no byte is left.
    """
    left, left_bytes = places - len(in_flight), MAX_BYTES_IN_FLIGHT - sum(in_flight)
    common, common_bytes = left - places // TENTH, left_bytes - MAX_BYTES_IN_FLIGHT // TENTH
    only_idle = common <= 0 or common_bytes <= 0
    if not only_idle:
        left, left_bytes = common, common_bytes
    if left <= 0 or left_bytes <= 0:
        return None
    is_crowded = 2 * len(in_flight) >= places
    return ClaimBudget(
        limit=min(CLAIM_SIZE, left, left_bytes // mean_bytes + 1),
        max_bytes=left_bytes,
        failing_share=CROWDED_FAILING_SHARE if is_crowded else FAILING_SHARE,
        only_idle=only_idle,
    )


class FairTurns:
    """Decides which webhooks the next claim takes events from. Claims go round by webhook id.

    Each webhook gets at most a tenth of a claim. After a full claim, its quota is halved, so that every backlog makes
    progress. The quota is lifted once every webhook has had a turn.
    """

    def __init__(self) -> None:
        self.after = 0
        self._divisor = TENTH

    def per_webhook(self, budget: ClaimBudget) -> int:
        """Return how many events of one webhook the next claim may take. An idle webhook gets one, which tests it."""
        if budget.only_idle:
            return 1
        return max(1, budget.limit // self._divisor)

    def note_claim(self, budget: ClaimBudget, claimed: Sequence[DueEvent]) -> bool:
        """Note the events of a claim. Return whether another claim may find more."""
        is_full = len(claimed) >= budget.limit or sum(due.size for due in claimed) >= budget.max_bytes
        next_after = claimed[0].next_after if claimed else None
        is_rest_left = not is_full and (self.after != 0 or next_after is not None)
        most = max(Counter(due.webhook_id for due in claimed).values(), default=0)
        is_quota_used = most >= self.per_webhook(budget)
        if is_full:
            self._divisor = min(max(TENTH, 2 * self._divisor), CLAIM_SIZE)
        elif not is_rest_left and not budget.only_idle:
            self._divisor = 1 if is_quota_used else TENTH
        self.after = max(due.webhook_id for due in claimed) if is_full else next_after or 0
        return is_full or is_rest_left or is_quota_used
