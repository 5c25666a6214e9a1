"""A count of what the endpoints have received: an hour of bodies would not fit into memory."""

from collections import Counter
from dataclasses import dataclass, field

from tests.support.receiver import Delivery

EVERY, LATEST = "/every", "/latest"


@dataclass(slots=True)
class Ledger:
    """Counts arrivals of two webhooks: EVERY is told of every change, LATEST of the newest state.

    Attributes:
        arrivals: How often each event has arrived, by its id.
        misordered: Arrivals of an event after a newer one of the same entity and webhook.
        state: The stock of each variant as LATEST knows it, by its id.
    """

    arrivals: dict[str, Counter[str]] = field(default_factory=lambda: {EVERY: Counter(), LATEST: Counter()})
    misordered: int = 0
    state: dict[str, int] = field(default_factory=dict)
    _newest: dict[tuple[str, str], int] = field(default_factory=dict)

    def note(self, delivery: Delivery) -> None:
        event, entity = delivery.headers["webhook-id"], delivery.json["entity"]["id"]
        sequence = int(delivery.json["sequence"])
        self.arrivals[delivery.path][event] += 1
        subject = (delivery.path, entity)
        if sequence < self._newest.get(subject, 0):
            self.misordered += 1
            return
        self._newest[subject] = sequence
        if delivery.path == LATEST:
            self.state[entity] = delivery.data["node"]["countOnHand"]

    @property
    def duplicates(self) -> int:
        return sum(count - 1 for counter in self.arrivals.values() for count in counter.values())
