"""Random orders, and random ways to give their money back, against a model that only counts money.

What the buyer has paid is what the buyer got back, what the seller keeps and what the operator keeps, to the cent. When
all is given back, nobody keeps anything, and no tax is left.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from databases import Database
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.viewers import OPERATOR
from app.db.pool import Connection, Record
from app.errors import Conflict, InvalidInput
from app.marketplace.money import decimal_amount
from app.marketplace.orders.db.invoices import InvoiceId, LineItemId
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, AdjustmentType, NewAdjustment
from app.marketplace.orders.domain.amendment import AmendmentLine
from app.marketplace.orders.domain.invoice import InvoiceAmendmentLineItemStatus
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.services.invoice_amendments import NewAmendment, create_amendment
from app.marketplace.orders.services.orders import NewInvoice, NewLineItem, NewOrder, NewPurchase, create_order
from app.marketplace.refunds.db.refund_requests import RefundRequestId
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus, RefundStep
from app.marketplace.refunds.services.refund_requests import (
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from app.marketplace.refunds.services.refund_steps import RequestStep, step_refund_request
from tests.builders.variants import create_variant
from tests.support.load import IS_LONG

EXAMPLES = 1000 if IS_LONG else 20
#: Minor units of one major unit.
CURRENCIES = {"AUD": 100, "JPY": 1, "BHD": 1000}
ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED
REFUNDED = InvoiceAmendmentLineItemStatus.REFUNDED


@dataclass(frozen=True, slots=True, kw_only=True)
class BoughtLine:
    quantity: int
    price: int
    rate: float | None
    postage: int
    promotion_percent: int
    fee: int
    commission_percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a story. Numbers choose among what there is, so that each step fits each state."""

    name: str
    number: int
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    currency: str
    lines: list[BoughtLine]
    shipping: int
    shipping_rate: float | None
    discount_percent: int
    steps: list[Step]


_RATES = st.sampled_from([None, 0.0, 0.05, 0.1, 0.19, 1 / 3])
_LINES = st.builds(
    BoughtLine,
    quantity=st.integers(1, 9),
    price=st.integers(0, 99_999),
    rate=_RATES,
    postage=st.integers(0, 2000),
    promotion_percent=st.sampled_from([0, 0, 7, 33, 100]),
    fee=st.sampled_from([0, 0, 199]),
    commission_percent=st.integers(0, 100),
)
_STEPS = st.builds(
    Step,
    name=st.sampled_from(["ask", "ask", "pay", "pay", "pay less", "deny", "revert", "amend", "amend own", "custom"]),
    number=st.integers(0, 1000),
    percent=st.integers(0, 150),
)
STORIES = st.builds(
    Story,
    currency=st.sampled_from([*CURRENCIES]),
    lines=st.lists(_LINES, min_size=1, max_size=3),
    shipping=st.integers(0, 5000),
    shipping_rate=_RATES,
    discount_percent=st.sampled_from([0, 0, 3, 50, 100]),
    steps=st.lists(_STEPS, max_size=12),
)


def _drawn(count: int) -> list[Story]:
    """Draw outside of an event loop's reach: hypothesis itself is synchronous."""
    drawn: list[Story] = []

    @settings(max_examples=count, deadline=None, database=None)
    @given(STORIES)
    def draw(value: Story) -> None:
        drawn.append(value)

    draw()
    return drawn


def _percent(amount: int, percent: int) -> int:
    return amount * percent // 100


def _tax(amount: int, rate: float | None) -> int:
    """Return the contained tax, half a unit rounded up, in decimals: not as the code under test does it."""
    exact = Decimal(amount) * Decimal(repr(rate or 0.0)) / (1 + Decimal(repr(rate or 0.0)))
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@dataclass(slots=True)
class Account:
    """The model of one invoice: what was paid, what came back, and who asks for what.

    Attributes:
        open: Requests that may be paid out.
        denied: Requests that may be put back.
    """

    conn: Connection
    database: Database
    invoice_id: InvoiceId
    items: list[LineItemId]
    paid: int
    returned: int = 0
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
        amount = min(_percent(asked, percent), self.left)
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
            own = None if percent is None else -_percent(price, percent)
            await self.write(await self.amended(item, count, own))

    async def amend_own(self, step: Step) -> None:
        await self.amend(step, percent=step.percent)

    async def custom(self, step: Step) -> None:
        """Charge or give back an amount that no line item is about."""
        amount = min(_percent(self.paid, step.percent % 20), max(self.left, 0))
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


async def _buy(conn: Connection, database: Database, story: Story) -> Account:
    """Place the order of a story, and compare its amounts with those counted here."""
    variants = [
        await create_variant(conn, price_cents=line.price, currency=story.currency, count_on_hand=99)
        for line in story.lines[:1]
    ]
    seller_id = variants[0].seller_id
    for line in story.lines[1:]:
        made = {"seller_id": seller_id, "price_cents": line.price, "currency": story.currency, "count_on_hand": 99}
        variants.append(await create_variant(conn, **made))
    promotions = [_percent(line.price * line.quantity, line.promotion_percent) for line in story.lines]
    goods = sum(line.price * line.quantity - off + line.fee for line, off in zip(story.lines, promotions, strict=True))
    discount = _percent(goods, story.discount_percent)
    order = await create_order(
        database,
        OPERATOR,
        NewPurchase(
            order=NewOrder(),
            invoices=[
                NewInvoice(
                    seller_id=seller_id,
                    delivery_type=[*DeliveryType][len(story.steps) % 3],
                    shipping_cost_cents=story.shipping,
                    tax_rate=story.shipping_rate,
                    adjustments=_adjustments(discount, 0),
                    line_items=[
                        NewLineItem(
                            variant_id=variant.id,
                            quantity=line.quantity,
                            tax_rate=line.rate,
                            postage_cents=line.postage,
                            adjustments=_adjustments(off, line.fee),
                        )
                        for variant, line, off in zip(variants, story.lines, promotions, strict=True)
                    ],
                )
            ],
        ),
    )
    paid = goods - discount + story.shipping + sum(line.postage for line in story.lines)
    assert order.total_cents == paid
    assert order.discount_cents == -(sum(promotions) + discount)
    await _agree_commissions(conn, story)
    invoice = await conn.fetchrow("select * from invoices where order_id = $1", order.id)
    assert invoice is not None
    items = await conn.fetch("select * from line_items where invoice_id = $1 order by id", invoice["id"])
    fees = sum(line.fee for line in story.lines)
    assert paid == invoice["subtotal_cents"] + invoice["shipping_cost_cents"] + invoice["discount_cents"] + fees
    rates = [line.rate if line.rate is not None else story.shipping_rate for line in story.lines]
    taxes = [_tax(item["total_cents"], rate) for item, rate in zip(items, rates, strict=True)]
    assert [item["tax_total_cents"] for item in items] == taxes
    assert invoice["tax_total_cents"] == sum(taxes) + invoice["tax_shipping_cents"]
    return Account(conn, database, invoice["id"], [item["id"] for item in items], paid)


def _adjustments(promotion: int, fee: int) -> list[NewAdjustment]:
    subtotal = AdjustmentAppliesTo.SUBTOTAL_DISCOUNT
    made = [(AdjustmentType.PROMOTION, promotion), (AdjustmentType.FEE, fee)]
    return [
        NewAdjustment(adjustment_type=kind, applies_to=subtotal, amount_cents=cents) for kind, cents in made if cents
    ]


async def _agree_commissions(conn: Connection, story: Story) -> None:
    """Set the commissions of the newest invoice: of its lines, and a tenth of its shipping."""
    invoice = await conn.fetchrow("select * from invoices order by id desc limit 1")
    assert invoice is not None
    items = await conn.fetch("select id, total_cents from line_items where invoice_id = $1 order by id", invoice["id"])
    commissions = [
        _percent(item["total_cents"], line.commission_percent) for item, line in zip(items, story.lines, strict=True)
    ]
    for item, commission in zip(items, commissions, strict=True):
        await conn.execute(
            "update line_items set commission_amount_cents = $2, commission_amount_tax_cents = $3 where id = $1",
            item["id"],
            commission,
            _tax(commission, 0.1),
        )
    of_shipping = (invoice["total_cents"] - sum(item["total_cents"] for item in items)) // 10
    await conn.execute(
        "update invoices set commission_amount_cents = $2, commission_amount_tax_cents = $3 where id = $1",
        invoice["id"],
        sum(commissions) + of_shipping,
        sum(_tax(commission, 0.1) for commission in commissions) + _tax(of_shipping, 0.1),
    )


@pytest.mark.parametrize("part", range(2))
async def test_all_money_is_given_back_or_kept(conn: Connection, database: Database, part: int) -> None:
    stories = _drawn(EXAMPLES)

    for story in stories:
        account = await _buy(conn, database, story)
        actions: dict[str, Callable[[Step], Awaitable[None]]] = {
            "ask": account.ask,
            "pay": account.pay,
            "pay less": account.pay_less,
            "deny": account.deny,
            "revert": account.revert,
            "amend": account.amend,
            "amend own": account.amend_own,
            "custom": account.custom,
        }
        for step in story.steps:
            await actions[step.name](step)
            await account.check()
        await account.finish()

        left = await account.check()
        assert account.left == 0, story
        assert tuple(left) == (0, 0, 0), story
        items = await conn.fetch("select * from line_items where invoice_id = $1", account.invoice_id)
        for item in items:
            assert item["settled_cents"] == item["total_cents"], story
            assert item["settled_tax_cents"] == item["tax_total_cents"], story
            assert item["settled_commission_cents"] == item["commission_amount_cents"], story
            assert item["settled_commission_tax_cents"] == item["commission_amount_tax_cents"], story


@pytest.mark.parametrize(("currency", "units"), CURRENCIES.items())
async def test_a_third_is_given_back_three_times(
    conn: Connection, database: Database, currency: str, units: int
) -> None:
    variant = await create_variant(conn, price_cents=0, currency=currency)
    line = NewLineItem(variant_id=variant.id, quantity=3, delivery_type=DeliveryType.NO_DISPATCH, tax_rate=0.1)
    fee = NewAdjustment(
        adjustment_type=AdjustmentType.FEE, applies_to=AdjustmentAppliesTo.SUBTOTAL_DISCOUNT, amount_cents=10 * units
    )
    bought = NewLineItem(**{name: getattr(line, name) for name in line.__slots__} | {"adjustments": [fee]})
    order = await create_order(database, OPERATOR, NewPurchase(order=NewOrder(), line_items=[bought]))
    item = await conn.fetchrow("select * from line_items")
    assert item is not None

    amounts = []
    for _ in range(3):
        given_ = NewRefundRequest(
            invoice_id=item["invoice_id"],
            line_items=[RefundLine(line_item_id=item["id"], quantity=1, status=ACCEPTED)],
            notes=[],
        )
        request = await create_refund_request(database, OPERATOR, given_)
        amounts.append(await refund_refund_request(database, OPERATOR, Refund(refund_request_id=request.id)))

    refunded = [decimal_amount(request.refund_amount_cents, currency) for request in amounts]
    assert [str(amount) for amount in refunded] == {
        "AUD": ["3.33", "3.33", "3.34"],
        "JPY": ["3", "3", "4"],
        "BHD": ["3.333", "3.333", "3.334"],
    }[currency]
    assert sum(request.line_item_tax_total_cents or 0 for request in amounts) == order.tax_total_cents
    assert await conn.fetchval("select total_cents + adjustment_cents from invoices") == 0
