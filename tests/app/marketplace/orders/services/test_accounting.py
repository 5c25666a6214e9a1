"""Random orders, and random ways to give their money back, against a model that only counts money.

What the buyer has paid is what the buyer got back, what the seller keeps and what the operator keeps, to the cent. When
all is given back, nobody keeps anything, and no tax is left.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

import pytest
from databases import Database
from hypothesis import given, settings
from hypothesis import strategies as st

from app.auth.viewers import OPERATOR
from app.db.pool import Connection, Record
from app.marketplace.catalogue.services.commission_packages import CommissionPackageAttributes, create_package
from app.marketplace.money import decimal_amount
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, AdjustmentType, NewAdjustment
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.services.new_orders import NewInvoice, NewLineItem, NewOrder, NewPurchase
from app.marketplace.orders.services.orders import create_order
from app.marketplace.refunds.domain.refund_request import RefundLine, RefundRequestLineItemStatus
from app.marketplace.refunds.services.refund_requests import (
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from tests.builders.variants import create_variant
from tests.support.accounts import Account, Step, percent_of
from tests.support.load import IS_LONG

EXAMPLES = 1000 if IS_LONG else 20
#: Minor units of one major unit.
CURRENCIES = {"AUD": 100, "JPY": 1, "BHD": 1000}
ACCEPTED = RefundRequestLineItemStatus.REFUND_ACCEPTED


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
    name=st.sampled_from(
        ["ask", "ask", "pay", "pay", "pay less", "deny", "revert", "amend", "amend own", "custom", "remit"]
    ),
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

    @settings(max_examples=count)
    @given(STORIES)
    def draw(value: Story) -> None:
        drawn.append(value)

    draw()
    return drawn


def _tax(amount: int, rate: float | None) -> int:
    """Return the contained tax, half a unit rounded up, in decimals: not as the code under test does it."""
    exact = Decimal(amount) * Decimal(repr(rate or 0.0)) / (1 + Decimal(repr(rate or 0.0)))
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


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
    promotions = [percent_of(line.price * line.quantity, line.promotion_percent) for line in story.lines]
    goods = sum(line.price * line.quantity - off + line.fee for line, off in zip(story.lines, promotions, strict=True))
    discount = percent_of(goods, story.discount_percent)
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
                            commission_rate=line.commission_percent / 100,
                            commission_tax_rate=0.1,
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
    invoice = await conn.fetchrow("select * from invoices where order_id = $1", order.id)
    assert invoice is not None
    items = await conn.fetch("select * from line_items where invoice_id = $1 order by id", invoice["id"])
    fees = sum(line.fee for line in story.lines)
    assert paid == invoice["subtotal_cents"] + invoice["shipping_cost_cents"] + invoice["discount_cents"] + fees
    rates = [line.rate if line.rate is not None else story.shipping_rate for line in story.lines]
    taxes = [_tax(item["total_cents"], rate) for item, rate in zip(items, rates, strict=True)]
    assert [item["tax_total_cents"] for item in items] == taxes
    assert invoice["tax_total_cents"] == sum(taxes) + invoice["tax_shipping_cents"]
    _check_commissions(story, invoice, items)
    return Account(conn, database, invoice["id"], [item["id"] for item in items], paid)


def _adjustments(promotion: int, fee: int) -> list[NewAdjustment]:
    subtotal = AdjustmentAppliesTo.SUBTOTAL_DISCOUNT
    made = [(AdjustmentType.PROMOTION, promotion), (AdjustmentType.FEE, fee)]
    return [
        NewAdjustment(adjustment_type=kind, applies_to=subtotal, amount_cents=cents) for kind, cents in made if cents
    ]


def _check_commissions(story: Story, invoice: Record, items: list[Record]) -> None:
    """Compare the commissions: each line's by its own rate, and a tenth of the shipping by the default package."""
    commissions = [
        _part(item["total_cents"], Decimal(line.commission_percent) / 100)
        for item, line in zip(items, story.lines, strict=True)
    ]
    of_shipping = _part(invoice["total_cents"] - sum(item["total_cents"] for item in items), Decimal("0.1"))
    assert [item["commission_amount_cents"] for item in items] == commissions
    assert invoice["commission_amount_cents"] == sum(commissions) + of_shipping
    taxes = [_tax(commission, 0.1) for commission in commissions]
    assert invoice["commission_amount_tax_cents"] == sum(taxes) + _tax(of_shipping, 0.1)


def _part(amount: int, rate: Decimal) -> int:
    """Return this part of an amount, half a unit rounded up."""
    return int((amount * rate).quantize(Decimal(1), rounding=ROUND_HALF_UP))


@pytest.mark.parametrize("part", range(2))
async def test_all_money_is_given_back_or_kept(conn: Connection, database: Database, part: int) -> None:
    stories = _drawn(EXAMPLES)
    package = CommissionPackageAttributes(name="Usual", rate=0.1, applies_to_postage=True, default=True)
    await create_package(database, OPERATOR, package)

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
            "remit": account.remit,
        }
        for step in story.steps:
            await actions[step.name](step)
            await account.check()
        await account.finish()
        await account.remit(Step(name="remit", number=0, percent=0))

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
