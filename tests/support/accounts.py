"""The account of one invoice: a model that only counts money, and the steps by which it is given back."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from databases import Database

from app.auth.viewers import OPERATOR
from app.db.pool import Connection, Record
from app.errors import Conflict, InvalidInput
from app.marketplace.orders.db.invoices import InvoiceId, LineItemId
from app.marketplace.orders.domain.amendment import AmendmentLine
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.services.invoice_amendments import NewAmendment, create_amendment
from app.marketplace.refunds.db.refund_requests import RefundRequestId
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus, RefundStep
from app.marketplace.refunds.services.refund_requests import (
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from app.marketplace.refunds.services.refund_steps import RequestStep, step_refund_request
from app.marketplace.remittances.services.remittances import (
    RemittanceAdviceUpdate,
    RemittanceRelease,
    release,
    update_advice,
)

ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
REFUNDED = InvoiceAmendmentLineItemStatus.REFUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a story. Numbers choose among what there is, so that each step fits each state."""

    name: str
    number: int
    percent: int


def percent_of(amount: int, percent: int) -> int:
    return amount * percent // 100


@dataclass(slots=True)
class Account:
    """The model of one invoice: what was paid, what came back, and who asks for what.

    Attributes:
        remitted: What the seller got by remittance advices.
        open: Requests that may be paid out.
        denied: Requests that may be put back.
    """

    conn: Connection
    database: Database
    invoice_id: InvoiceId
    items: list[LineItemId]
    paid: int
    returned: int = 0
    remitted: int = 0
    open: list[RefundRequestId] = field(default_factory=list)
    denied: list[RefundRequestId] = field(default_factory=list)

    @property
    def left(self) -> int:
        return self.paid - self.returned

    async def unclaimed(self, item: LineItemId) -> int:
        """Return the quantity that neither a payout, an amendment nor an open request has."""
        found: int = await self.conn.fetchval(
            "select l.quantity - coalesce((select sum(a.quantity) from invoice_amendment_line_items a"
            " where a.line_item_id = l.id), 0) - coalesce((select sum(r.quantity) from refund_request_line_items r"
            " where r.line_item_id = l.id and r.status not in ('REFUND_DENIED', 'REFUNDED')), 0)"
            " from line_items l where l.id = $1",
            item,
        )
        return int(found)

    async def ask(self, step: Step) -> None:
        item = self.items[step.number % len(self.items)]
        if not (quantity := await self.unclaimed(item)):
            return
        lines = [RefundLine(line_item_id=item, quantity=1 + step.number % quantity, status=ACCEPTED)]
        if step.percent > 100:
            custom = RefundLine(custom="Postage", quantity=2, amount_per_item_cents=step.percent, status=ACCEPTED)
            lines.append(custom)
        given_ = NewRefundRequest(invoice_id=self.invoice_id, line_items=lines, notes=[])
        self.open.append((await create_refund_request(self.database, OPERATOR, given_)).id)

    async def pay(self, step: Step) -> None:
        if self.open:
            await self.pay_out(self.open.pop(step.number % len(self.open)))

    async def pay_less(self, step: Step) -> None:
        if self.open:
            await self.pay_out(self.open.pop(step.number % len(self.open)), percent=step.percent % 101)

    async def pay_out(self, request_id: RefundRequestId, *, percent: int = 100) -> None:
        asked = await self.conn.fetchval("select total_cents from refund_requests where id = $1", request_id)
        amount = min(percent_of(asked, percent), self.left)
        made = await refund_refund_request(
            self.database, OPERATOR, Refund(refund_request_id=request_id, refund_amount_cents=amount)
        )
        assert made.refund_amount_cents == amount
        self.returned += amount

    async def deny(self, step: Step) -> None:
        if self.open:
            request_id = self.open.pop(step.number % len(self.open))
            await step_refund_request(
                self.database, OPERATOR, RefundStep.DENY, RequestStep(refund_request_id=request_id)
            )
            self.denied.append(request_id)

    async def revert(self, step: Step) -> None:
        if not self.denied:
            return
        request_id = self.denied.pop(step.number % len(self.denied))
        asked = RequestStep(refund_request_id=request_id)
        try:
            await step_refund_request(self.database, OPERATOR, RefundStep.REVERT_DENIAL, asked)
        except Conflict:
            return  # others have the items now
        for name in (RefundStep.APPROVE, RefundStep.RETURN):
            try:
                await step_refund_request(self.database, OPERATOR, name, asked)
            except Conflict:
                assert name is RefundStep.RETURN  # what was never sent needs no return
        self.open.append(request_id)

    async def amend(self, step: Step, *, percent: int | None = None) -> None:
        item = self.items[step.number % len(self.items)]
        if quantity := await self.unclaimed(item):
            count = 1 + step.number % quantity
            price = await self.conn.fetchval("select total_cents / quantity from line_items where id = $1", item)
            own = None if percent is None else -percent_of(price, percent)
            await self.write(await self.amended(item, count, own))

    async def amend_own(self, step: Step) -> None:
        await self.amend(step, percent=step.percent)

    async def custom(self, step: Step) -> None:
        """Charge or give back an amount that no line item is about."""
        amount = min(percent_of(self.paid, step.percent % 20), max(self.left, 0))
        await self.write(AmendmentLine(custom="Goodwill", quantity=1, status=REFUNDED, amount_cents=-amount))
        if step.number % 2:
            charge = AmendmentLine(custom="Charge", quantity=1, status=REFUNDED, amount_cents=step.percent)
            await self.write(charge, remittance_cents=step.percent - 1)

    async def amended(self, item: LineItemId, quantity: int, own: int | None = None) -> AmendmentLine:
        awaiting = await self.conn.fetchval("select quantity_awaiting_dispatch from line_items where id = $1", item)
        return AmendmentLine(
            line_item_id=item, quantity=quantity, status=REFUNDED, amount_cents=own, dispatched=awaiting == 0
        )

    async def write(self, *lines: AmendmentLine, **values: Any) -> None:
        given_ = NewAmendment(invoice_id=self.invoice_id, line_items=lines, **values)
        try:
            made = await create_amendment(self.database, OPERATOR, given_)
        except InvalidInput as refused:
            if [*refused.fields] != ["line_items"]:
                raise
            return  # more than is left
        self.returned -= made.total_cents

    async def remit(self, step: Step) -> None:
        """Pay the seller all that has been released by now."""
        ids = await self.conn.fetch(
            "select id from remittances where invoice_id = $1 and released_at is null order by id", self.invoice_id
        )
        if not ids:
            return
        given_ = RemittanceRelease(remittance_ids=[row["id"] for row in ids])
        advice_id = (await release(self.database, OPERATOR, given_))[0].remittance_advice_id
        assert advice_id is not None
        change = RemittanceAdviceUpdate(remittance_advice_id=advice_id, paid_at=datetime.now(UTC))
        self.remitted += (await update_advice(self.database, OPERATOR, change)).total_cents

    async def finish(self) -> None:
        """Give back all that is left: open requests, then the items, then the rest."""
        for request_id in self.open:
            await self.pay_out(request_id)
        for item in self.items:
            if quantity := await self.unclaimed(item):
                due = await self.conn.fetchval("select total_cents - settled_cents from line_items where id = $1", item)
                lines = [await self.amended(item, quantity)]
                if due > self.left:
                    back = AmendmentLine(
                        custom="Paid before", quantity=1, status=REFUNDED, amount_cents=due - self.left
                    )
                    lines.append(back)
                await self.write(*lines)
        if self.left:
            await self.write(AmendmentLine(custom="Rest", quantity=1, status=REFUNDED, amount_cents=-self.left))

    async def check(self) -> Record:
        """Compare the rows with the model, and return the sums of tax and commission that are left."""
        invoice = await self.conn.fetchrow("select * from invoices where id = $1", self.invoice_id)
        amendments = await self.conn.fetch("select * from invoice_amendments where invoice_id = $1", self.invoice_id)
        assert invoice is not None
        assert invoice["total_cents"] + invoice["adjustment_cents"] == self.left >= 0
        for amendment in amendments:
            lines = await self.conn.fetch(
                "select * from invoice_amendment_line_items where invoice_amendment_id = $1", amendment["id"]
            )
            assert amendment["total_cents"] == sum(line["total_cents"] for line in lines)
            assert amendment["tax_cents"] == sum(line["tax_cents"] for line in lines)
            commission = sum(line["commission_amount_cents"] for line in lines)
            assert amendment["remittance_cents"] == amendment["total_cents"] - commission
        sellers = invoice["total_cents"] - invoice["commission_amount_cents"]
        operators = invoice["commission_amount_cents"]
        sellers += sum(amendment["remittance_cents"] for amendment in amendments)
        operators += sum(amendment["commission_amount_total_cents"] for amendment in amendments)
        assert self.paid == self.returned + sellers + operators
        await self._check_remittances(sellers, operators)
        left = await self.conn.fetchrow(
            "select i.tax_total_cents + coalesce(sum(l.tax_cents), 0)::bigint as tax,"
            " i.commission_amount_cents + coalesce(sum(l.commission_amount_cents), 0)::bigint as commission,"
            " i.commission_amount_tax_cents + coalesce(sum(l.commission_tax_cents), 0)::bigint as commission_tax"
            " from invoices i left join invoice_amendments a on a.invoice_id = i.id"
            " left join invoice_amendment_line_items l on l.invoice_amendment_id = a.id"
            # What only moves between operator and seller is theirs to keep.
            " and (l.total_cents <> 0 or l.tax_cents <> 0 or l.line_item_id is not null)"
            " where i.id = $1 group by i.id",
            self.invoice_id,
        )
        assert left is not None
        return left

    async def _check_remittances(self, sellers: int, operators: int) -> None:
        """The remittances come to what is the seller's, and those on advices to what the seller got."""
        sums = await self.conn.fetchrow(
            "select sum(amount_cents) as sellers, sum(commission_amount_cents) as operators,"
            " coalesce(sum(amount_cents) filter (where released_at is not null), 0) as remitted"
            " from remittances where invoice_id = $1",
            self.invoice_id,
        )
        assert sums is not None
        assert tuple(sums) == (sellers, operators, self.remitted)
