"""The path of a change that app/docs/extending.md draws is the one that a change takes."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from app.kernel import clock
from schema.entities import global_ids
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.shipments import create_shipment_carrier
from tests.support.pages import DOCS, ROOT, page
from tests.support.platform import Platform, all_published
from tests.support.receiver import Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { statusFlags shipments { trackingNumber } } } }"
ALL_DELIVERED = "select bool_and(state = 'DELIVERED') from webhook_events"
#: More can't be followed by a reader.
MAX_FILES = 25


def drawn() -> list[str]:
    (drawing, *_) = page(str((DOCS / "extending.md").relative_to(ROOT))).section("Path of a change").split("```")[1:]
    return re.findall(r"^ *((?:app|schema|workers)/\S+\.py) ", drawing, re.MULTILINE)


@contextmanager
def files_passed() -> Iterator[set[str]]:
    """The files of the repository with a function that is called meanwhile, in this thread."""
    seen: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code.co_filename)

    passed: set[str] = set()
    sys.setprofile(note)
    try:
        yield passed
    finally:
        sys.setprofile(None)
        inside = (Path(name) for name in seen)
        passed.update(str(path.relative_to(ROOT)) for path in inside if path.is_relative_to(ROOT))


async def test_a_shipment_passes_each_file_that_is_drawn(platform: Platform, receiver: Receiver) -> None:
    await platform.create_webhook(receiver.url(), QUERY, eventNames=["UPDATE"])
    invoice = await create_invoice(platform.conn, status_flags=["PAID"])
    item = await create_line_item(platform.conn, invoice_id=invoice.id)
    carrier = await create_shipment_carrier(platform.conn)
    await all_published(platform.conn)

    with files_passed() as passed:
        made = await platform.mutate(
            "shipmentCreate",
            "",
            invoiceId=global_ids.encode("Invoice", invoice.id),
            dispatchedAt=clock.now().isoformat(),
            postageCarrierId=global_ids.encode("ShipmentCarrier", carrier.id),
            trackingNumber="SP1",
            shippedItems=[{"lineItemId": global_ids.encode("LineItem", item.id), "quantity": 1}],
        )
        assert made["errors"] is None
        await receiver.wait_for()
        await until(lambda: platform.conn.fetchval(ALL_DELIVERED))

    assert set(drawn()) - passed == set()
    assert 0 < len(drawn()) <= MAX_FILES


async def test_a_plain_update_passes_each_file_that_is_drawn_after_the_commit(
    platform: Platform, receiver: Receiver
) -> None:
    await platform.create_webhook(receiver.url(), QUERY, eventNames=["UPDATE"])
    invoice = await create_invoice(platform.conn, status_flags=["PAID"])
    await all_published(platform.conn)

    with files_passed() as passed:
        await platform.conn.execute("update invoices set status_flags = '{REFUNDED}' where id = $1", invoice.id)
        await receiver.wait_for()
        await until(lambda: platform.conn.fetchval(ALL_DELIVERED))

    after = drawn()[drawn().index("workers/doorbell.py") :]
    assert set(after) - passed == set()
