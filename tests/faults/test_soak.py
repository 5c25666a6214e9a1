"""The soak of `make soak`, for some faults: it runs, and finds nothing lost or misordered."""

import orjson
import pytest

from tests.soak.__main__ import rows
from tests.soak.ledger import LATEST, Ledger
from tests.soak.run import Soak, running_soak
from tests.support.receiver import Delivery
from tests.support.servers import PrivateServers

pytestmark = pytest.mark.faults


def end_after_some_faults(soak: Soak) -> None:
    """However slow the machine is: a worker that was killed may need a minute to start again."""
    if soak.faults.total() > 3 and soak.answered and soak.committed:
        soak.end()


async def test_nothing_is_lost_and_the_table_says_so(private_servers: PrivateServers) -> None:
    async with running_soak(private_servers, rate=40, fault_every_s=1.5, seed=3) as soak:
        await soak.run(600, end_after_some_faults)

    table = dict(rows(soak))
    assert (table["lost"], table["misordered"]) == ("0", "0"), table
    assert soak.committed > 0 < soak.answered
    assert soak.faults.total() > 3
    assert soak.gauges.tables["webhook_events_open"].most > 0


def test_an_older_event_after_a_newer_one_is_misordered() -> None:
    ledger = Ledger()

    for event, sequence in (("a", 1), ("b", 2), ("b", 2), ("a", 1)):
        body = {"sequence": sequence, "entity": {"id": "V"}, "payload": {"data": {"node": {"countOnHand": 1}}}}
        ledger.note(Delivery(path=LATEST, headers={"webhook-id": event}, body=orjson.dumps(body)))

    assert (ledger.misordered, ledger.duplicates) == (1, 2)
