"""Make refund requests in every state: requested, sent back, decided, paid out with an amendment."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.marketplace.orders.db.shipments import ShipmentCarrier
from app.marketplace.orders.domain.invoice import flags_after_refund
from app.marketplace.orders.domain.order import contained_tax
from app.marketplace.orders.domain.settlement import NOTHING, Split, share
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.domain.image import ImageKind
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
)
from app.marketplace.refunds.db.return_shipments import RETURN_SHIPMENT_STATUSES, RETURN_SHIPMENTS, RETURN_SHIPPED_ITEMS
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestStatus,
    RefundStage,
    line_status,
    request_status,
    settled_status,
)
from app.tools.seed import words
from app.tools.seed.book import Book
from app.tools.seed.chance import Chance
from app.tools.seed.owned import put_external_id, put_metadatum
from app.tools.seed.sales.amendments import write_amendment
from app.tools.seed.sales.fulfilment import tracking, write_log
from app.tools.seed.sales.refund_stories import (
    CANCELLATIONS,
    RETURNS,
    Story,
    Times,
    cancelling_times,
    returning_times,
)
from app.tools.seed.sales.sale import Claim, Line, Sale
from app.tools.seed.words import CURRENCY, TAX_RATE

_FEE_CENTS = 895


@dataclass(slots=True, kw_only=True)
class Refunds:
    """Makes refund requests, and takes each as far as its story goes before `until`."""

    chance: Chance
    book: Book
    carriers: Sequence[ShipmentCarrier]
    until: datetime
    _returns: deque[Story] = field(default_factory=lambda: deque(RETURNS))
    _cancellations: deque[Story] = field(default_factory=lambda: deque(CANCELLATIONS))

    def cancel(self, sale: Sale, paid_at: datetime) -> None:
        """Cancel some or all of an order before anything was sent."""
        self._ask(sale, self._cancellations, cancelling_times(self.chance, paid_at))

    def ask_back(self, sale: Sale, done_at: datetime) -> None:
        """Request the return of some or all goods."""
        self._ask(sale, self._returns, returning_times(self.chance, done_at))

    def _next(self, stories: deque[Story], times: Times) -> Story | None:
        """Return the next story that comes to its end before `until`; None: even the request would be later."""
        story = next((story for story in stories if times.end(story) <= self.until), None)
        if story is not None:
            stories.remove(story)
            stories.append(story)
        return story

    def _ask(self, sale: Sale, stories: deque[Story], times: Times) -> None:
        story = self._next(stories, times)
        claims = [] if story is None else self._claims(sale, story)
        if story is None or not claims:
            return
        request_id = self.book.number(REFUND_REQUESTS)
        for claim in claims:
            self._line(request_id, claim, story, times)
        stages = [claim.stage for claim in claims]
        sale.stages += stages
        paid = [claim for claim in claims if claim.stage is RefundStage.REFUNDED]
        if story.is_sent_back:
            self._send_back(request_id, claims, times)
        if paid:
            self._settle(sale, paid)
            write_amendment(self.book, sale, request_id, paid, times.paid_at, until=self.until)
        last_at = max(times.of(stage) for stage in stages)
        if story.is_sent_back:
            last_at = max(last_at, times.sent_back_at)
        self._request(sale, request_id, claims, times, last_at)
        self._notes(sale, request_id, claims, story, request_status(stages), times, last_at)
        self._remark(request_id, claims, times)
        sale.flags = flags_after_refund(
            sale.flags,
            refund_lines={*sale.stages},
            line_items=[line.status for line in sale.lines],
            awaiting=sale.awaiting,
        )
        sale.touch(last_at)

    def _remark(self, request_id: int, claims: Sequence[Claim], times: Times) -> None:
        """Put external ids and metadata of the request and its lines."""
        number = f"{self.chance.randrange(10**6):06d}"
        if self.chance.happens("request in the desk", 0.2, every=4):
            put_external_id(self.book, "RefundRequest", request_id, "desk", f"CASE-{number}")
            put_external_id(self.book, "RefundRequestLineItem", claims[0].id, "desk", f"CASE-{number}-1")
        if self.chance.happens("urgent request", 0.05, every=4):
            put_metadatum(self.book, "RefundRequest", request_id, "priority", "high", times.asked_at)
            put_metadatum(self.book, "RefundRequestLineItem", claims[0].id, "condition", "unopened", times.asked_at)

    def _claims(self, sale: Sale, story: Story) -> list[Claim]:
        """Return the claims: the whole invoice or part of one line, and perhaps a fee."""
        left = [(line, line.returnable if story.is_return else line.awaiting) for line in sale.lines]
        open_lines = [(line, quantity) for line, quantity in left if quantity]
        if not open_lines:
            return []
        if not story.is_whole:
            line, quantity = self.chance.choice(open_lines)
            open_lines = [(line, self.chance.randint(1, quantity))]
        claims = [
            Claim(
                id=self.book.number(REFUND_REQUEST_LINE_ITEMS),
                line=line,
                quantity=quantity,
                stage=story.stage,
                amounts=self._amounts(sale, line, quantity, story.stage),
                is_return=story.is_return,
            )
            for line, quantity in open_lines
        ]
        # Never is more paid out than was paid.
        fee = min(_FEE_CENTS, sale.ledger.rest.total_cents)
        if story.fee is not None and (fee > 0 or story.fee is not RefundStage.REFUNDED):
            claims.append(self._fee(sale, story.fee, max(fee, 0) or _FEE_CENTS))
        return claims

    def _amounts(self, sale: Sale, line: Line, quantity: int, stage: RefundStage) -> Split:
        """Return the amounts of a claim. One that is denied claims nothing, one that is paid out settles it."""
        if stage is RefundStage.REFUND_DENIED:
            return sale.ledger.items[line.id].piece(quantity)
        amounts = sale.ledger.claim(line.id, quantity)
        if stage is RefundStage.REFUNDED:
            sale.ledger.settle(line.id, amounts)
        return amounts

    def _fee(self, sale: Sale, stage: RefundStage, cents: int) -> Claim:
        line_id = self.book.number(REFUND_REQUEST_LINE_ITEMS)
        ratio = Split(total_cents=cents, tax_cents=contained_tax(cents, TAX_RATE))
        amounts = sale.ledger.take(cents, ratio) if stage is RefundStage.REFUNDED else ratio
        return Claim(id=line_id, line=None, quantity=1, stage=stage, amounts=amounts, is_return=False)

    def _line(self, request_id: int, claim: Claim, story: Story, times: Times) -> None:
        is_denied = claim.stage is RefundStage.REFUND_DENIED
        came_back = story.is_sent_back and claim.line is not None and times.returned_at <= self.until
        self.book.put(
            REFUND_REQUEST_LINE_ITEMS,
            id=claim.id,
            refund_request_id=request_id,
            line_item_id=None if claim.line is None else claim.line.id,
            custom=claim.custom,
            quantity=claim.quantity,
            status=line_status(claim.stage),
            description="The box was open." if self.chance.happens("described", 0.1, every=4) else None,
            reason=self.chance.choice(words.RETURN_REASONS if story.is_return else words.CANCEL_REASONS),
            deny_refund_reason=self.chance.choice(words.DENIALS) if is_denied else None,
            is_dispatched=claim.is_return,
            returned_at=times.returned_at if came_back and claim.stage is not RefundStage.AWAITING_RETURN else None,
            created_at=times.asked_at,
            updated_at=times.asked_at,
            amount_cents=claim.amounts.total_cents,
            amount_per_item_cents=share(claim.amounts.total_cents, 1, claim.quantity),
            line_item_tax_cents=claim.amounts.tax_cents,
            commission_amount_cents=claim.amounts.commission_cents,
            commission_tax_cents=claim.amounts.commission_tax_cents,
            currency=CURRENCY,
        )

    def _request(self, sale: Sale, request_id: int, claims: Sequence[Claim], times: Times, last_at: datetime) -> None:
        asked = sum((claim.amounts for claim in claims), NOTHING)
        refunded = [claim.amounts for claim in claims if claim.stage is RefundStage.REFUNDED]
        total, paid = (sum(refunded, NOTHING), sum(refunded, NOTHING).total_cents) if refunded else (asked, None)
        self.book.put(
            REFUND_REQUESTS,
            id=request_id,
            invoice_id=sale.id,
            status=request_status([claim.stage for claim in claims]),
            initiated_by=self._initiator(),
            refunded_at=times.paid_at if refunded else None,
            total_cents=total.total_cents,
            request_value_cents=asked.total_cents,
            refund_amount_cents=paid,
            cash_amount_cents=paid,
            recovered_amount_cents=total.remittance_cents if refunded else None,
            line_item_amount_total_cents=total.total_cents,
            line_item_tax_total_cents=total.tax_cents,
            commission_amount_total_cents=total.commission_cents,
            commission_tax_total_cents=total.commission_tax_cents,
            currency=CURRENCY,
            created_at=times.asked_at,
            updated_at=last_at,
        )

    def _initiator(self) -> RefundRequestInitiator:
        if self.chance.happens("asked by the seller", 0.12, every=4):
            return RefundRequestInitiator.SELLER
        if self.chance.happens("asked by the operator", 0.08, every=4):
            return RefundRequestInitiator.ADMIN
        return RefundRequestInitiator.BUYER

    def _notes(
        self,
        sale: Sale,
        request_id: int,
        claims: Sequence[Claim],
        story: Story,
        status: RefundRequestStatus,
        times: Times,
        last_at: datetime,
    ) -> None:
        notes: list[tuple[datetime, RefundRequestStatus, str, str, int | None]] = [
            (times.asked_at, RefundRequestStatus.AWAITING, "Please take it back.", sale.buyer, None)
        ]
        if last_at > times.asked_at:
            notes.append((last_at, status, "We have looked at it.", sale.shop.name, None))
        if self.chance.happens("note on a line", 0.1, every=4):
            notes.append((last_at, status, "This one is scratched.", sale.shop.name, claims[0].id))
        for at, new_status, note, author, line_id in notes:
            self.book.add(
                REFUND_REQUEST_NOTES,
                refund_request_id=request_id,
                refund_request_line_item_id=line_id,
                timestamp=at,
                new_status=new_status,
                note=note,
                author=author,
                ip_address="203.0.113.7",
            )
        if story.is_return and self.chance.happens("photo", 0.2, every=4):
            note_id = self.book.rows[REFUND_REQUEST_NOTES.name][-len(notes)]["id"]
            self._attach("RefundRequestNote", note_id, f"{self.chance.getrandbits(48):012x}")

    def _attach(self, owner_type: str, owner_id: int, name: str) -> None:
        self.book.add(
            IMAGES,
            owner_type=owner_type,
            owner_id=owner_id,
            kind=ImageKind.GALLERY,
            url=f"https://images.example/refunds/{name}.jpg",
            alt="What arrived",
            filename="photo.jpg",
            position=0,
        )

    def _send_back(self, request_id: int, claims: Sequence[Claim], times: Times) -> None:
        carrier = self.chance.choice(self.carriers)
        shipment_id = self.book.number(RETURN_SHIPMENTS)
        for claim in claims:
            if claim.line is not None:
                self.book.add(
                    RETURN_SHIPPED_ITEMS,
                    return_shipment_id=shipment_id,
                    line_item_id=claim.line.id,
                    quantity=claim.quantity,
                )
        self._attach("ReturnShipment", shipment_id, "label")
        if self.chance.happens("return in the WMS", 0.2, every=3):
            put_external_id(self.book, "ReturnShipment", shipment_id, "wms", f"RMA-{self.chance.randrange(10**6):06d}")
            put_metadatum(self.book, "ReturnShipment", shipment_id, "dock", "2", times.sent_back_at)
        log = tracking(self.chance, times.sent_back_at, min(self.until, times.returned_at))
        told_at = write_log(self.book, RETURN_SHIPMENT_STATUSES, "return_shipment_id", shipment_id, log)
        self.book.put(
            RETURN_SHIPMENTS,
            id=shipment_id,
            refund_request_id=request_id,
            carrier_id=carrier.id,
            tracking_number=f"TR{self.chance.randrange(10**9):09d}AU",
            note="Handed in at the counter." if self.chance.happens("return note", 0.1, every=3) else None,
            drop_off_url=f"https://dropoff.example/{self.chance.randrange(10**6):06d}",
            created_at=times.sent_back_at,
            updated_at=told_at or times.sent_back_at,
        )

    def _settle(self, sale: Sale, paid: Sequence[Claim]) -> None:
        """Reduce the quantities that await dispatch or can be returned by the refunded ones."""
        for claim in paid:
            line = claim.line
            if line is None:
                continue
            if claim.is_return:
                line.returnable, line.returned = line.returnable - claim.quantity, line.returned + claim.quantity
            else:
                line.awaiting, line.cancelled = line.awaiting - claim.quantity, line.cancelled + claim.quantity
            line.status = settled_status(
                quantity=line.quantity, cancelled=line.cancelled, returned=line.returned, status=line.status
            )
