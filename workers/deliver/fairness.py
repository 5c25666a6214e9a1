"""How the places of one process are shared out among webhooks, so that a slow or dead endpoint delays nobody else."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from app.webhooks.db.deliveries import DueEvent

#: Claimed at once: bounds how long a claim takes.
CLAIM_SIZE: Final = 200
#: Of payloads in flight in one process: about twice as much memory, whatever the number of POSTs.
MAX_BYTES_IN_FLIGHT: Final = 64 * 1024 * 1024
#: Of the places and of the bytes, kept for webhooks that are well and have nothing in flight: hundreds of endpoints
#: that hang, and are not known to, may take all the others. Also of a claim: what a webhook gets while others wait.
TENTH: Final = 10
#: Places of a webhook whose last attempts all failed, and what they are once half of the process's are taken.
FAILING_SHARE: Final = 10
CROWDED_FAILING_SHARE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What the next claim may take. only_idle: of webhooks alone that are well and have nothing in flight."""

    limit: int
    max_bytes: int
    failing_share: int
    only_idle: bool


def find_room(*, places: int, in_flight: Collection[int], mean_bytes: int) -> Room | None:
    """The room that is left; None when there is none.

    Args: places — of the process. in_flight — the bytes of each POST. mean_bytes — what payloads are like: no more
          are claimed than may fit. What they come to bounds the claim itself.
    """
    left, left_bytes = places - len(in_flight), MAX_BYTES_IN_FLIGHT - sum(in_flight)
    common, common_bytes = left - places // TENTH, left_bytes - MAX_BYTES_IN_FLIGHT // TENTH
    only_idle = common <= 0 or common_bytes <= 0
    if not only_idle:
        left, left_bytes = common, common_bytes
    if left <= 0 or left_bytes <= 0:
        return None
    is_crowded = 2 * len(in_flight) >= places
    return Room(
        limit=min(CLAIM_SIZE, left, left_bytes // mean_bytes + 1),
        max_bytes=left_bytes,
        failing_share=CROWDED_FAILING_SHARE if is_crowded else FAILING_SHARE,
        only_idle=only_idle,
    )


class Walk:
    """Whose turn it is. Claims go round by webhooks' ids, and each webhook gets a tenth of a claim.

    Of each claim after a full one half of that, so that many that wait at once all get something; what is left over
    when everybody has had a turn is anybody's.
    """

    def __init__(self) -> None:
        self.after = 0
        self._divisor = TENTH

    def per_webhook(self, room: Room) -> int:
        """How much of one webhook the next claim may take; of an idle one a single event, to see whether it is well."""
        if room.only_idle:
            return 1
        return max(1, room.limit // self._divisor)

    def go_on(self, room: Room, claimed: Sequence[DueEvent]) -> bool:
        """Note what a claim has brought. Returns whether another may bring more."""
        is_full = len(claimed) >= room.limit or sum(len(due.body) for due in claimed) >= room.max_bytes
        is_rest_left = self.after != 0 and not is_full
        if is_full:
            self._divisor = min(max(TENTH, 2 * self._divisor), CLAIM_SIZE)
        elif not is_rest_left and not room.only_idle:
            most = max(Counter(due.webhook_id for due in claimed).values(), default=0)
            self._divisor = TENTH if most < self.per_webhook(room) else 1
        self.after = max(due.webhook_id for due in claimed) if is_full else 0
        return bool(claimed) or is_rest_left
