"""Show Tellgraph at work on one machine: register a webhook, send an order, and receive its POST.

Before `run_demo`, the servers run and the database is migrated. API and worker are separate processes, as in
production. The subscriber's endpoint is a thread of this process.
"""

import asyncio
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from rich.text import Text

from app.auth.secrets import secret_box
from app.settings import Settings
from app.tools.demo.prepare import prepare
from app.tools.demo.progress import DemoError, Steps
from app.tools.demo.running import Demo, api_port, running_demo
from app.tools.demo.story import INVOICE_QUERY, VARIANT_QUERY, Order, Variant
from app.tools.embedded.files import OwnerLock, make_data_dir
from app.tools.listening.deliveries import Delivery
from app.tools.listening.printing import show

__all__ = ["DemoError", "Steps", "claimed_directory", "run_demo"]

INVOICES, VARIANTS = "tellgraph demo: invoices", "tellgraph demo: variants"
"""Descriptions of the demo's webhooks, by which the next demo finds them again."""

_MEASUREMENTS = 10
#: Seconds between two changes, so that each finds an idle worker.
_PAUSE_S = 0.15


@contextmanager
def claimed_directory(data_dir: Path) -> Iterator[None]:
    """Claim the directory for this demo. Raise DemoError while another demo runs there."""
    make_data_dir(data_dir)
    lock = OwnerLock(data_dir / "demo.lock")
    if not lock.try_acquire():
        raise DemoError(f"a demo runs already in {data_dir.resolve()}; for another: TELLGRAPH_DATA_DIR=…")
    try:
        yield
    finally:
        lock.release()


def run_demo(settings: Settings, *, steps: Steps, once: bool, port: int | None) -> None:
    """Show a delivery, then print the POSTs that arrive until interrupted. All processes are stopped in any case.

    Args:
        settings: Settings with the URLs of running servers and a migrated database.
        port: Port of the API; None: the configured one, or else a free one.
        once: Whether to end after the first delivery.

    Raises:
        DemoError: The demo can't go on. Seeding and connecting may raise other errors.
    """
    # Checked here, because this error is plainer than the API's.
    secret_box(settings.secret_key)
    with steps.step("a marketplace to try it on"):
        key = asyncio.run(prepare(settings, steps))
    with running_demo(settings, steps, key=key, port=api_port(settings, port)) as demo:
        delivery = _deliver(demo)
        if not once:
            _measure(demo)
            _stay(demo, delivery)


def _deliver(demo: Demo) -> Delivery:
    """Register a webhook, buy, send, and print the POST about the shipment, which is returned."""
    api, steps = demo.api, demo.steps
    with steps.step("webhookCreate: an INVOICE webhook with a query of its own"):
        demo.register(INVOICES, "INVOICE", INVOICE_QUERY)
    variant, carrier_id = api.find_goods()
    with steps.step("orderCreate → a POST about the new invoice"):
        order = api.order(variant)
        demo.receive(lambda node: node.get("id") == order.invoice["id"], "the new invoice")
    tracking_number = f"DEMO{time.time_ns() // 1_000_000}"
    with steps.step("shipmentCreate → a POST about the shipment"):
        asked = time.perf_counter()
        api.ship(order, carrier_id, tracking_number)
        answered = time.perf_counter()
        delivery = demo.receive(lambda node: _shows(node, order, tracking_number), "the shipment")
    steps.console.print()
    show(delivery, steps.console)
    after = (delivery.received_s - answered) * 1000
    since = (delivery.received_s - asked) * 1000
    steps.console.print(
        Text(f"It arrived {after:.0f} ms after the answer to shipmentCreate, {since:.0f} ms after the request.")
    )
    return delivery


def _shows(node: Any, order: Order, tracking_number: str) -> bool:
    shipments = node.get("shipments") or []
    return bool(
        node.get("id") == order.invoice["id"]
        and any(shipment["trackingNumber"] == tracking_number for shipment in shipments)
    )


def _measure(demo: Demo) -> None:
    """Make some changes one by one, and measure how long each takes to arrive."""
    api = demo.api
    with demo.steps.step(f"{_MEASUREMENTS} changes of a variant, one by one"):
        demo.register(VARIANTS, "VARIANT", VARIANT_QUERY)
        variant, _ = api.find_goods()
        timed = [_time_update(demo, variant, variant.count_on_hand + n) for n in range(1, _MEASUREMENTS + 1)]
    after, since = (median(values) * 1000 for values in zip(*timed, strict=True))
    demo.steps.console.print(
        Text(f"Median: the POST arrives {after:.0f} ms after the mutation's answer, {since:.0f} ms after its request.")
    )


def _time_update(demo: Demo, variant: Variant, count_on_hand: int) -> tuple[float, float]:
    """Return the seconds from the mutation's answer, and from its request, until its POST arrives."""
    time.sleep(_PAUSE_S)
    asked = time.perf_counter()
    updated = demo.api.restock(variant, count_on_hand)
    answered = time.perf_counter()
    wanted = {"id": updated.id, "countOnHand": updated.count_on_hand}
    delivery = demo.receive(lambda node: wanted.items() <= node.items(), "the variant")
    return delivery.received_s - answered, delivery.received_s - asked


def _stay(demo: Demo, delivery: Delivery) -> None:
    """Suggest what to try, and print the POSTs that arrive until interrupted.

    Args:
        delivery: The one that the console's link opens.
    """
    console = demo.steps.console
    variant, _ = demo.api.find_goods()
    mutation = (
        f'mutation {{ variantUpdate(input: {{variantId: \\"{variant.id}\\", attributes: {{countOnHand: 7}}}})'
        " { status variant { sku countOnHand } } }"
    )
    lines = (
        "",
        f"Console      {demo.url}/events/{delivery.headers['webhook-id']}#key={demo.key}",
        "             (it opens on the delivery above; GraphiQL and the entity graph are in its menu)",
        f"Receiver     {demo.receiver_url} (an endpoint for webhooks of your own; their signatures are BAD here,",
        f"             unless their hmacKey is {demo.secret})",
        "",
        "Change something, and see the POST arrive below:",
        f"curl -s {demo.url}/graphql -H 'Authorization: Bearer {demo.key}' -H 'Content-Type: application/json'"
        f' -d \'{{"query": "{mutation}"}}\'',
        "",
        "Ctrl-C stops everything; the data stay for the next time.",
        "",
    )
    for line in lines:
        console.print(Text(line), soft_wrap=True)
    while True:
        try:
            show(demo.arrived.get(timeout=0.5), console)
        except queue.Empty:
            demo.children.check()
