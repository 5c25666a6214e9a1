"""Send goods to the buyer in one parcel or several, or let the buyer collect them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES
from app.marketplace.orders.db.shipments import SHIPMENTS, SHIPPED_ITEMS, ShipmentCarrier
from app.marketplace.orders.domain.invoice import (
    InvoiceClickAndCollectStatus,
    flags_after_collecting,
    flags_after_shipping,
)
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.domain.shipment import tracking_link
from app.marketplace.orders.domain.tracking import ShipmentStatus
from app.tools.seed.book import AnyTable, Book
from app.tools.seed.chance import Chance
from app.tools.seed.owned import put_external_id, put_metadatum
from app.tools.seed.sales.sale import Line, Sale

#: Line item's place in the invoice → how many.
Parcel = Mapping[int, int]


class Fulfilment:
    """Sends or hands over paid goods, as far as that happens before `until`."""

    def __init__(self, chance: Chance, book: Book, carriers: Sequence[ShipmentCarrier], until: datetime) -> None:
        self._chance, self._book, self._carriers, self._until = chance, book, carriers, until

    def fulfil(self, sale: Sale, paid_at: datetime) -> None:
        if sale.part.delivery_type is DeliveryType.CLICK_AND_COLLECT:
            self._collect(sale, paid_at)
        else:
            self._send(sale, paid_at)

    def _collect(self, sale: Sale, paid_at: datetime) -> None:
        ready_at = max(paid_at, sale.updated_at) + timedelta(hours=self._chance.randint(1, sale.shop.handling_hours))
        collected_at = ready_at + timedelta(hours=self._chance.randint(1, 96))
        if ready_at <= self._until:
            sale.flags = flags_after_collecting(sale.flags, InvoiceClickAndCollectStatus.READY)
            sale.touch(ready_at)
        # Some buyers never collect their goods.
        if collected_at <= self._until and not self._chance.happens("never collected", 0.05, every=2):
            sale.flags = flags_after_collecting(sale.flags, InvoiceClickAndCollectStatus.COLLECTED)
            for line in sale.lines:
                line.returnable += line.awaiting
                line.awaiting = 0
            sale.done_at = collected_at
            sale.touch(collected_at)

    def _send(self, sale: Sale, paid_at: datetime) -> None:
        at = max(paid_at, sale.updated_at) + timedelta(minutes=self._chance.randint(60, 90 * sale.shop.handling_hours))
        for parcel in self._parcels(sale.lines):
            if at > self._until:
                return
            self._ship(sale, parcel, at)
            at += timedelta(hours=self._chance.randint(20, 140))

    def _parcels(self, lines: Sequence[Line]) -> list[Parcel]:
        """Split a shipment into one or two parcels. Some orders never get the second one."""
        everything = {place: line.awaiting for place, line in enumerate(lines) if line.awaiting}
        if sum(everything.values()) < 2 or not self._chance.happens("two parcels", 0.22, every=3):
            return [everything]
        first = {place: self._chance.randint(0, quantity) for place, quantity in everything.items()}
        if sum(first.values()) in (0, sum(everything.values())):
            place = next(iter(everything))
            first = {place: everything[place] - 1 or 1}
        rest = {place: quantity - first.get(place, 0) for place, quantity in everything.items()}
        parcels: list[Parcel] = [
            {place: quantity for place, quantity in some.items() if quantity} for some in (first, rest)
        ]
        return parcels[:1] if self._chance.happens("second parcel missing", 0.18, every=2) else parcels

    def _ship(self, sale: Sale, parcel: Parcel, at: datetime) -> None:
        carrier = self._chance.choice(self._carriers)
        number = f"TG{self._chance.randrange(10**9):09d}AU"
        shipment_id = self._book.number(SHIPMENTS)
        for place, quantity in parcel.items():
            line = sale.lines[place]
            line.awaiting -= quantity
            line.returnable += quantity
            self._book.add(SHIPPED_ITEMS, shipment_id=shipment_id, line_item_id=line.id, quantity=quantity)
        log = tracking(self._chance, at, self._until)
        told_at = write_log(self._book, SHIPMENT_STATUSES, "shipment_id", shipment_id, log) or at
        self._book.put(
            SHIPMENTS,
            id=shipment_id,
            invoice_id=sale.id,
            carrier_id=carrier.id,
            carrier=carrier.name,
            tracking_number=number,
            tracking_link=tracking_link(carrier.tracking_link_template, number),
            homepage_link=carrier.homepage_url,
            shipped_from_id=sale.shop.address_id,
            dispatched_at=at,
            note="Signature on delivery." if self._chance.happens("shipment note", 0.05) else None,
            created_at=at,
            updated_at=told_at,
        )
        if self._chance.happens("shipment in the WMS", 0.1):
            put_external_id(self._book, "Shipment", shipment_id, "wms", f"WMS-{self._chance.randrange(10**6):06d}")
        if self._chance.happens("weighed", 0.05):
            put_metadatum(self._book, "Shipment", shipment_id, "weight", f"{self._chance.randint(1, 90) / 10} kg", at)
        sale.flags = flags_after_shipping(sale.flags, awaiting=sale.awaiting)
        sale.touch(told_at)
        if not any(sale.awaiting) and log and log[-1][0] is ShipmentStatus.Delivered:
            sale.done_at = log[-1][1]


def tracking(chance: Chance, sent_at: datetime, until: datetime) -> list[tuple[ShipmentStatus, datetime]]:
    """Return the carrier's reports about a parcel that is sent at that time, up to `until`."""
    steps = [(ShipmentStatus.InfoReceived, 1), (ShipmentStatus.InTransit, chance.randint(3, 20))]
    if chance.happens("pending parcel", 0.03, every=8):
        steps.insert(0, (ShipmentStatus.Pending, 0))
    if chance.happens("lost parcel", 0.01, every=8):
        steps += [(ShipmentStatus.Exception, chance.randint(20, 60)), (ShipmentStatus.Expired, 60)]
    else:
        steps.append((ShipmentStatus.OutForDelivery, chance.randint(12, 90)))
        if chance.happens("nobody at home", 0.05, every=8):
            steps += [(ShipmentStatus.AttemptFail, 4), (ShipmentStatus.AvailableForPickup, 15)]
        steps.append((ShipmentStatus.Delivered, chance.randint(1, 9)))
    log, at = [], sent_at
    for status, hours in steps:
        at += timedelta(hours=hours, seconds=chance.randrange(3600))
        if at > until:
            break
        log.append((status, at))
    return log


def write_log(
    book: Book, table: AnyTable, parent: str, parent_id: int, log: Sequence[tuple[ShipmentStatus, datetime]]
) -> datetime | None:
    """Write a carrier's reports. Return the time of the last one; None if there is none."""
    for status, at in log:
        book.add(table, **{parent: parent_id}, status=status, created_at=at)
    return log[-1][1] if log else None
