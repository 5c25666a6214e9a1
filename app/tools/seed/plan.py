"""The plan of the small marketplace: values without database and clock. Rows refer to each other by position."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import cycle, islice

from app.marketplace.orders.domain.order import DeliveryType, OrderStatus
from app.tools.seed.names import FIRST_NAMES, MESSAGES, SHOPS, SURNAMES, Article, Shop

TAX_RATE = 0.1
CURRENCY = "AUD"
_NEVER_RUNS_OUT = "PDF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The size of the small marketplace. If there are more sellers than shops, shops repeat with numbers."""

    sellers: int = len(SHOPS)
    orders: int = 24


class Progress(Enum):
    """The progress of an order."""

    UNPAID = "UNPAID"
    PAID = "PAID"
    PARTIALLY_SENT = "PARTIALLY_SENT"
    SENT = "SENT"
    REMITTED = "REMITTED"
    RETURNING = "RETURNING"

    @property
    def is_paid(self) -> bool:
        return self is not Progress.UNPAID

    @property
    def is_sent(self) -> bool:
        """Whether the whole order is sent. Of a partially sent one, only the first line is."""
        return self in (Progress.SENT, Progress.REMITTED, Progress.RETURNING)


#: Every order takes the next one, so that each state is there however few orders there are.
_PROGRESS = (
    Progress.PAID,
    Progress.SENT,
    Progress.UNPAID,
    Progress.PARTIALLY_SENT,
    Progress.PAID,
    Progress.REMITTED,
    Progress.SENT,
    Progress.RETURNING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedVariant:
    """A variant. `shop` is the position of its seller, `article` that of its advert among all adverts."""

    shop: int
    article: int
    label: str
    sku: str
    barcode: str
    price_cents: int
    sale_price_cents: int | None
    count_on_hand: int
    has_infinite_quantity: bool

    @property
    def paid_cents(self) -> int:
        return self.price_cents if self.sale_price_cents is None else self.sale_price_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedLine:
    variant: int
    quantity: int
    delivery_type: DeliveryType


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    first_name: str
    surname: str
    message: str | None
    progress: Progress
    created_at: datetime
    dispatched_at: datetime
    lines: Sequence[PlannedLine]
    carrier: int
    tracking_number: str

    @property
    def status(self) -> OrderStatus:
        return OrderStatus.COMPLETE if self.progress.is_paid else OrderStatus.PENDING_REVIEW

    @property
    def email_address(self) -> str:
        return f"{self.first_name}.{self.surname}@buyers.example".lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole plan. `articles` name the position of their shop."""

    shops: Sequence[Shop]
    articles: Sequence[tuple[int, Article]]
    variants: Sequence[PlannedVariant]
    orders: Sequence[PlannedOrder]


def make_plan(seed: int, *, size: Size, carriers: int, now: datetime) -> Plan:
    """Plan a marketplace. The result is the same for the same arguments.

    Args:
        carriers: Number of carriers to choose from.
        now: The end of the four weeks in which orders were made.
    """
    chance = random.Random(seed)
    shops = list(islice(_shops(), size.sellers))
    articles = [(place, article) for place, shop in enumerate(shops) for article in shop.articles]
    variants = [
        _variant(chance, shop, place, article, label, price_cents)
        for place, (shop, article) in enumerate(articles)
        for label, price_cents in article.variants
    ]
    # What never runs out is a file, which nobody sends: orders are of the rest.
    sendable = [place for place, variant in enumerate(variants) if not variant.has_infinite_quantity]
    orders = [
        _order(chance, number, sendable, carriers, now, _ordered_at(now, number, size.orders))
        for number in range(size.orders)
    ]
    return Plan(shops=shops, articles=articles, variants=variants, orders=orders)


def _shops() -> Iterator[Shop]:
    for number, shop in enumerate(cycle(SHOPS)):
        branch = number // len(SHOPS)
        name = f"{shop.business_name} {branch + 1}" if branch else shop.business_name
        yield Shop(name, shop.legal_business_name, shop.domain, shop.articles)


def _variant(
    chance: random.Random, shop: int, place: int, article: Article, label: str, price_cents: int
) -> PlannedVariant:
    is_endless = label == _NEVER_RUNS_OUT
    return PlannedVariant(
        shop=shop,
        article=place,
        label=label,
        sku=f"{article.code}-{label.upper().replace(' ', '')}",
        barcode=barcode(chance),
        price_cents=price_cents,
        sale_price_cents=price_cents * 8 // 10 if chance.random() < 0.15 else None,
        count_on_hand=0 if is_endless else chance.randint(20, 120),
        has_infinite_quantity=is_endless,
    )


def barcode(chance: random.Random) -> str:
    """Return an EAN-13 barcode of Australia's range, with its check digit."""
    digits = f"93{chance.randrange(10**10):010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def _ordered_at(now: datetime, number: int, orders: int) -> datetime:
    return now - timedelta(days=28) * (orders - number) / (orders + 1)


def _order(
    chance: random.Random,
    number: int,
    variants: Sequence[int],
    carriers: int,
    now: datetime,
    created_at: datetime,
) -> PlannedOrder:
    chosen = chance.sample(variants, chance.choice((1, 2, 2, 3)))
    is_collected = chance.random() < 0.1
    return PlannedOrder(
        first_name=chance.choice(FIRST_NAMES),
        surname=chance.choice(SURNAMES),
        message=chance.choice(MESSAGES),
        progress=_PROGRESS[number % len(_PROGRESS)],
        created_at=created_at,
        dispatched_at=min(now, created_at + timedelta(days=1)),
        lines=[
            PlannedLine(
                variant=variant,
                quantity=chance.randint(1, 3),
                delivery_type=DeliveryType.CLICK_AND_COLLECT if is_collected else DeliveryType.BUY_ONLINE,
            )
            for variant in chosen
        ],
        carrier=chance.randrange(carriers),
        tracking_number=f"TG{chance.randrange(10**9):09d}AU",
    )
