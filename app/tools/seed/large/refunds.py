"""Make refund requests in every state: requested, sent back, decided, paid out with an amendment."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import cycle

from app.marketplace.orders.db.shipments import ShipmentCarrier
from app.marketplace.orders.domain.invoice import flags_after_refund
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.domain.image import ImageKind
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
)
from app.marketplace.refunds.db.return_shipments import (
    RETURN_SHIPMENT_STATUSES,
    RETURN_SHIPMENTS,
    RETURN_SHIPPED_ITEMS,
)
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestStatus,
    RefundStage,
    line_status,
    request_status,
    settled_status,
    share,
)
from app.tools.seed import words
from app.tools.seed.large.amendments import write_amendment
from app.tools.seed.large.bulk import Book
from app.tools.seed.large.fulfilment import tracking, write_log
from app.tools.seed.large.refund_stories import (
    CANCELLATIONS,
    RETURNS,
    Story,
    Times,
    cancelling_times,
    returning_times,
)
from app.tools.seed.large.sale import Claim, Sale
from app.tools.seed.plan import CURRENCY

_FEE_CENTS = 895


@dataclass(slots=True, kw_only=True)
class Refunds:
    """Makes refund requests, and takes each as far as its story goes before `until`."""

    chance: random.Random
    book: Book
    carriers: Sequence[ShipmentCarrier]
    until: datetime
    _returns: Iterator[Story] = field(default_factory=lambda: cycle(RETURNS))
    _cancellations: Iterator[Story] = field(default_factory=lambda: cycle(CANCELLATIONS))

    def cancel(self, sale: Sale, paid_at: datetime) -> None:
        """Cancel some or all of an order before anything was sent."""
        times = cancelling_times(self.chance, paid_at)
        self._ask(sale, self._in_time(next(self._cancellations), times), times)

    def ask_back(self, sale: Sale, done_at: datetime) -> None:
        """Request the return of some or all goods."""
        times = returning_times(self.chance, done_at)
        self._ask(sale, self._in_time(next(self._returns), times), times)

    def _in_time(self, story: Story, times: Times) -> Story:
        """Return the part of the story before `until`. Later decisions are still awaited."""
        stages = [stage for stage in (story.stage, story.fee) if stage is not None]
        story = replace(story, is_sent_back=story.is_sent_back and times.sent_back_at <= self.until)
        if all(times.of(stage) <= self.until for stage in stages):
            return story
        return replace(
            story, stage=RefundStage.AWAITING_RETURN if story.is_return else RefundStage.PENDING_APPROVAL, fee=None
        )

    def _ask(self, sale: Sale, story: Story, times: Times) -> None:
        claims = self._claims(sale, story) if times.asked_at <= self.until else []
        if not claims:
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
        self._notes(sale, request_id, story, request_status(stages), times, last_at)
        sale.flags = flags_after_refund(
            sale.flags,
            refund_lines={*sale.stages},
            line_items=[line.status for line in sale.lines],
            awaiting=sale.awaiting,
        )
        sale.touch(last_at)

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
                amount_cents=share(line.total_cents, quantity, line.quantity),
                is_return=story.is_return,
            )
            for line, quantity in open_lines
        ]
        # Never is more paid out than was paid.
        fee = min(_FEE_CENTS, sale.left_cents - sum(claim.amount_cents for claim in claims))
        if story.fee is not None and (fee > 0 or story.fee is not RefundStage.REFUNDED):
            claims.append(self._fee(story.fee, max(fee, 0) or _FEE_CENTS))
        return claims

    def _fee(self, stage: RefundStage, cents: int) -> Claim:
        line_id = self.book.number(REFUND_REQUEST_LINE_ITEMS)
        return Claim(id=line_id, line=None, quantity=1, stage=stage, amount_cents=cents, is_return=False)

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
            reason=self.chance.choice(words.RETURN_REASONS if story.is_return else words.CANCEL_REASONS),
            deny_refund_reason=self.chance.choice(words.DENIALS) if is_denied else None,
            is_dispatched=claim.is_return,
            returned_at=times.returned_at if came_back and claim.stage is not RefundStage.AWAITING_RETURN else None,
            amount_cents=claim.amount_cents,
            amount_per_item_cents=share(claim.amount_cents, 1, claim.quantity),
            currency=CURRENCY,
        )

    def _request(self, sale: Sale, request_id: int, claims: Sequence[Claim], times: Times, last_at: datetime) -> None:
        asked = sum(claim.amount_cents for claim in claims)
        paid = sum(claim.amount_cents for claim in claims if claim.stage is RefundStage.REFUNDED)
        of_goods = [claim for claim in claims if claim.line is not None]
        initiators = (RefundRequestInitiator.BUYER, RefundRequestInitiator.SELLER, RefundRequestInitiator.ADMIN)
        self.book.put(
            REFUND_REQUESTS,
            id=request_id,
            invoice_id=sale.id,
            status=request_status([claim.stage for claim in claims]),
            initiated_by=self.chance.choices(initiators, (80, 12, 8))[0],
            refunded_at=times.paid_at if paid else None,
            total_cents=paid or asked,
            request_value_cents=asked,
            refund_amount_cents=paid or None,
            cash_amount_cents=paid or None,
            line_item_amount_total_cents=sum(claim.amount_cents for claim in of_goods),
            line_item_tax_total_cents=sum(claim.tax_cents for claim in of_goods),
            currency=CURRENCY,
            created_at=times.asked_at,
            updated_at=last_at,
        )

    def _notes(
        self,
        sale: Sale,
        request_id: int,
        story: Story,
        status: RefundRequestStatus,
        times: Times,
        last_at: datetime,
    ) -> None:
        notes = [(times.asked_at, RefundRequestStatus.AWAITING, "Please take it back.", sale.buyer)]
        if last_at > times.asked_at:
            notes.append((last_at, status, "We have looked at it.", sale.shop.name))
        for at, new_status, note, author in notes:
            self.book.add(
                REFUND_REQUEST_NOTES,
                refund_request_id=request_id,
                timestamp=at,
                new_status=new_status,
                note=note,
                author=author,
            )
        if story.is_return and self.chance.random() < 0.2:
            self._attach(self.book.rows[REFUND_REQUEST_NOTES.name][-len(notes)]["id"])

    def _attach(self, note_id: int) -> None:
        self.book.add(
            IMAGES,
            owner_type="RefundRequestNote",
            owner_id=note_id,
            kind=ImageKind.GALLERY,
            url=f"https://images.example/refunds/{self.chance.getrandbits(48):012x}.jpg",
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
        log = tracking(self.chance, times.sent_back_at, min(self.until, times.returned_at))
        told_at = write_log(self.book, RETURN_SHIPMENT_STATUSES, "return_shipment_id", shipment_id, log)
        self.book.put(
            RETURN_SHIPMENTS,
            id=shipment_id,
            refund_request_id=request_id,
            carrier_id=carrier.id,
            tracking_number=f"TR{self.chance.randrange(10**9):09d}AU",
            note=None,
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
        sale.adjustment_cents -= sum(claim.amount_cents for claim in paid)
