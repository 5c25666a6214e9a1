"""Make orders with their payments, split them into invoices, and let each invoice live until the end of the year."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from app.marketplace.catalogue.domain.stock import Offer, PurchaseLine, price_now
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS
from app.marketplace.orders.domain.adjustment import AdjustmentAppliesTo, AdjustmentType, NewAdjustment
from app.marketplace.orders.domain.order import DeliveryType, OrderStatus
from app.marketplace.orders.domain.purchase import Part, Terms, order_amounts, split
from app.tools.seed import words
from app.tools.seed.book import Book
from app.tools.seed.catalogue import Goods, Shop, address_values
from app.tools.seed.chance import Chance
from app.tools.seed.names import MESSAGES
from app.tools.seed.owned import put_external_id, put_metadatum
from app.tools.seed.reference import Reference
from app.tools.seed.sales.invoices import InvoiceMaker
from app.tools.seed.sales.sale import ChosenGoods, PlacedOrder
from app.tools.seed.words import CURRENCY, TAX_RATE

#: Ids of one table that an order may take: so many are reserved before it is made.
ORDER_IDS = 100
_FREE_SHIPPING_CENTS = 15_000
_WRAPPING_CENTS = 450
_TO_PAY = timedelta(minutes=10)


class OrderMaker:
    """Makes orders of the shops' goods. Nothing happens to them after `until`."""

    def __init__(
        self, chance: Chance, book: Book, reference: Reference, shops: Sequence[Shop], until: datetime
    ) -> None:
        self._chance, self._book, self._reference, self._until = chance, book, reference, until
        self._shops = [shop for shop in shops if shop.goods]
        self._invoices = InvoiceMaker(chance, book, reference, until)

    def make(self, at: datetime) -> int:
        """Make an order of that moment with everything that follows. Return its number of invoices.

        It takes at most ORDER_IDS ids of a table.
        """
        bought, wanted = self._choose(at)
        parts = self._split(bought, wanted, at)
        order = self._order(at, parts)
        for part in parts:
            self._invoices.make(order, part, bought)
        return len(parts)

    def _choose(self, at: datetime) -> tuple[dict[int, ChosenGoods], list[PurchaseLine]]:
        """Choose goods and quantities, of one shop or a few. Some goods sell more than others."""
        chance = self._chance
        bought: dict[int, ChosenGoods] = {}
        wanted: list[PurchaseLine] = []
        for _ in range(chance.choices((1, 2, 3), (70, 22, 8))[0]):
            shop = self._shops[int(len(self._shops) * chance.random() ** 1.6)]
            is_collected = shop.is_collected_from and chance.happens("collected", 0.25, every=3)
            for _ in range(chance.choices((1, 2, 3), (60, 28, 12))[0]):
                goods = shop.goods[int(len(shop.goods) * chance.random() ** 1.4)]
                if goods.variant_id not in bought:
                    bought[goods.variant_id] = ChosenGoods(shop=shop, goods=goods)
                    wanted.append(self._wanted(goods, len(wanted), at, is_collected=is_collected))
        return bought, wanted

    def _wanted(self, goods: Goods, place: int, at: datetime, *, is_collected: bool) -> PurchaseLine:
        if goods.is_file:
            delivery_type = DeliveryType.NO_DISPATCH
        else:
            delivery_type = DeliveryType.CLICK_AND_COLLECT if is_collected else DeliveryType.BUY_ONLINE
        quantity = 1 if goods.is_file else self._chance.choices((1, 2, 3, 4), (70, 20, 7, 3))[0]
        return PurchaseLine(
            path=f"lineItems.{place}",
            variant_id=goods.variant_id,
            quantity=quantity,
            delivery_type=delivery_type,
            tax_rate=TAX_RATE,
            adjustments=self._adjustments(quantity * _price_cents(goods, at)),
        )

    def _adjustments(self, cents: int) -> list[NewAdjustment]:
        """Return what is taken off or added to a line of that price."""
        found = []
        if self._chance.happens("a tenth off", 0.04):
            found.append(_adjustment(AdjustmentType.PROMOTION, cents // 10, "A tenth off"))
        if self._chance.happens("gift wrapping", 0.03):
            found.append(_adjustment(AdjustmentType.FEE, _WRAPPING_CENTS, "Gift wrapping"))
        return found

    def _split(self, bought: Mapping[int, ChosenGoods], wanted: Sequence[PurchaseLine], at: datetime) -> list[Part]:
        offers = {variant_id: _offer(one, at) for variant_id, one in bought.items()}
        terms = {}
        for line in wanted:
            shop = bought[line.variant_id].shop
            terms[shop.seller_id, line.delivery_type] = self._terms(shop, line.delivery_type)
        parts = split(wanted, offers, terms)
        is_free = {
            (part.seller_id, part.delivery_type): replace(part.terms, adjustments=[_free_shipping(part.terms)])
            for part in parts
            if part.terms.shipping_cost_cents and part.amounts.subtotal_cents >= _FREE_SHIPPING_CENTS
        }
        return split(wanted, offers, terms | is_free) if is_free else parts

    def _terms(self, shop: Shop, delivery_type: DeliveryType) -> Terms:
        if delivery_type is DeliveryType.CLICK_AND_COLLECT:
            return Terms(shipping_description="Pick up in store", tax_rate=TAX_RATE)
        if delivery_type is DeliveryType.NO_DISPATCH:
            return Terms(shipping_description="Download", tax_rate=TAX_RATE)
        is_express = self._chance.happens("express", 0.2)
        cost = shop.shipping_cents + (700 if is_express else 0)
        return Terms(
            shipping_description="Express" if is_express else "Standard", shipping_cost_cents=cost, tax_rate=TAX_RATE
        )

    def _order(self, at: datetime, parts: Sequence[Part]) -> PlacedOrder:
        chance = self._chance
        status, settled_at = self._status(at)
        buyer = self._buyer()
        amounts = order_amounts(parts)
        message = chance.choice(MESSAGES) if chance.happens("message", 0.4) else None
        instrument = chance.choice(("credit_card", "credit_card", "credit_card", "paypal", "gift_card"))
        is_gift = chance.happens("gift", 0.06)
        order_id = self._book.add(
            ORDERS,
            token=secrets.token_urlsafe(16),
            status=status,
            **buyer,
            is_gift=is_gift,
            message_to_gift_recipient="Enjoy it!" if is_gift else None,
            expected_delivery_date=at + timedelta(days=5),
            expected_delivery_slot="8-12" if at.day % 2 else "12-17",
            message_to_seller=message,
            payment_instrument_type=instrument,
            **amounts,
            currency=CURRENCY,
            created_at=at,
            updated_at=settled_at,
        )
        self._pay(order_id, status, amounts["total_cents"], at, settled_at)
        if chance.happens("order in the shop", 0.5):
            number = f"SO-{chance.randrange(10**8):08d}"
            put_external_id(self._book, "Order", order_id, "shop", number)
        if chance.happens("campaign", 0.05):
            campaign = chance.choice(("spring", "newsletter", "search"))
            put_metadatum(self._book, "Order", order_id, "campaign", campaign, at)
        is_paid = status is OrderStatus.COMPLETE
        return PlacedOrder(
            id=order_id,
            at=at,
            status=status,
            settled_at=settled_at,
            paid_at=settled_at if is_paid else None,
            buyer=buyer,
            message=message,
            instrument=instrument,
        )

    def _status(self, at: datetime) -> tuple[OrderStatus, datetime]:
        """Return the order's payment status, and the time when it was known."""
        settled_at = at + timedelta(seconds=self._chance.randint(5, 400))
        if at + _TO_PAY > self._until:
            return OrderStatus.PAYMENT_IN_PROGRESS, at
        if self._chance.happens("payment failed", 0.015):
            return OrderStatus.PAYMENT_FAILED, settled_at
        if self._chance.happens("pending review", 0.015):
            return OrderStatus.PENDING_REVIEW, settled_at
        if self._chance.happens("abandoned", 0.015):
            return OrderStatus.ABANDONED, at
        return OrderStatus.COMPLETE, settled_at

    def _pay(self, order_id: int, status: OrderStatus, cents: int, at: datetime, settled_at: datetime) -> None:
        """Write payment events. Now and then the first attempt is declined."""
        if status in (OrderStatus.ABANDONED, OrderStatus.PAYMENT_IN_PROGRESS):
            return
        is_failed = status is OrderStatus.PAYMENT_FAILED
        if is_failed or self._chance.happens("declined", 0.04):
            when = settled_at if is_failed else at + timedelta(seconds=3)
            self._payment_event(order_id, cents, when, is_successful=False, message="Declined by the bank")
        if not is_failed:
            message = "Approved, held for review" if status is OrderStatus.PENDING_REVIEW else "Approved"
            self._payment_event(order_id, cents, settled_at, is_successful=True, message=message)

    def _payment_event(self, order_id: int, cents: int, at: datetime, *, is_successful: bool, message: str) -> None:
        self._book.add(
            PAYMENT_EVENTS,
            order_id=order_id,
            amount_cents=cents,
            currency=CURRENCY,
            is_successful=is_successful,
            transaction_id=f"tx_{self._chance.getrandbits(64):016x}",
            response_message=message,
            created_at=at,
        )

    def _buyer(self) -> dict[str, Any]:
        """Return the order's columns about the buyer and the addresses."""
        chance = self._chance
        first, surname = chance.choice(words.BUYER_FIRST_NAMES), chance.choice(words.BUYER_SURNAMES)
        email = f"{first}.{surname.replace(chr(39), '')}{chance.randrange(100)}@buyers.example".lower()
        phone = f"04{chance.randrange(10**8):08d}"
        company = chance.choice(words.COMPANIES) if chance.happens("company", 0.08) else None
        address_id = self._book.add(ADDRESSES, **address_values(chance, self._reference))
        is_apart = chance.happens("billed elsewhere", 0.2)
        return {
            "first_name": first,
            "surname": surname,
            "phone": phone,
            "email_address": email,
            "company_name": company,
            "billing_first_name": first,
            "billing_surname": surname,
            "billing_phone": phone,
            "billing_email_address": email,
            "billing_company_name": company,
            "address_id": address_id,
            "billing_address_id": self._book.add(ADDRESSES, **address_values(chance, self._reference))
            if is_apart
            else address_id,
        }


def _offer(bought: ChosenGoods, at: datetime) -> Offer:
    return Offer(
        seller_id=bought.shop.seller_id,
        is_for_sale=True,
        price_cents=_price_cents(bought.goods, at),
        currency=CURRENCY,
        count_on_hand=None,
    )


def _price_cents(goods: Goods, at: datetime) -> int:
    price_cents = price_now(
        price_cents=goods.price_cents,
        sale_price_cents=goods.sale_price_cents,
        sale_start_at=goods.sale_start_at,
        sale_end_at=goods.sale_end_at,
        now=at,
    )
    assert price_cents is not None, "all goods have a price"
    return price_cents


def _adjustment(type_: AdjustmentType, cents: int, description: str) -> NewAdjustment:
    goods = AdjustmentAppliesTo.SUBTOTAL_DISCOUNT
    return NewAdjustment(adjustment_type=type_, applies_to=goods, amount_cents=cents, description=description)


def _free_shipping(terms: Terms) -> NewAdjustment:
    return NewAdjustment(
        adjustment_type=AdjustmentType.PROMOTION,
        applies_to=AdjustmentAppliesTo.FREE_SHIPPING_DISCOUNT,
        amount_cents=terms.shipping_cost_cents,
        description="Free shipping",
    )
