"""Make shops and their goods, as rows of the catalogue. The data that orders need are kept."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from math import isqrt
from typing import Any

from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.catalogue.db.option_types import ADVERT_OPTION_VALUES, VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.catalogue.domain.advert import AdvertCondition
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.owned.domain.image import ImageKind
from app.tools.seed import words
from app.tools.seed.large.bulk import Book
from app.tools.seed.plan import CURRENCY, barcode
from app.tools.seed.reference import Reference
from app.tools.seed.words import CATEGORIES, Category

#: Ids of one table that a shop may take: so many are reserved before it is made.
SHOP_IDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A variant that can be bought, with the values that an order copies."""

    variant_id: int
    advert_id: int
    image_id: int
    title: str
    code: str
    brand_name: str
    label: str
    sku: str
    barcode: str
    price_cents: int
    sale_price_cents: int | None
    sale_start_at: datetime | None
    sale_end_at: datetime | None
    is_file: bool


@dataclass(slots=True, kw_only=True)
class Shop:
    """A shop with at least one variant. `handling_hours` pass before it sends an order."""

    seller_id: int
    name: str
    handling_hours: int
    shipping_cents: int
    commission: float
    is_collected_from: bool
    goods: list[Goods] = field(default_factory=list)


def count_shops(invoices: int) -> int:
    """Return the number of sellers of a marketplace with so many invoices: most sell little."""
    return max(5, isqrt(invoices))


def shop_name(number: int) -> str:
    """Return a different name for each number."""
    first, second, trades = words.SHOP_FIRST, words.SHOP_SECOND, words.SHOP_TRADES
    turn, place = divmod(number, len(first))
    # 1 + 20 has no divisor in common with 16: each first word meets each second word once.
    name = f"{first[place]} & {second[(number + turn) % len(second)]}"
    around = turn // len(second)
    return f"{name} {trades[around % len(trades)]} {around}" if around else name


def address_values(chance: random.Random, reference: Reference) -> dict[str, Any]:
    city, state, postcode, lat, lng = chance.choice(words.CITIES)
    return {
        "address": f"{chance.randint(1, 240)} {chance.choice(words.STREETS)}",
        "subaddress": f"Unit {chance.randint(1, 40)}" if chance.random() < 0.2 else None,
        "city": city,
        "postcode": postcode,
        "state_id": reference.states[state],
        "country_id": reference.country_id,
        "lat": round(lat + chance.uniform(-0.05, 0.05), 5),
        "lng": round(lng + chance.uniform(-0.05, 0.05), 5),
    }


@dataclass(slots=True, kw_only=True)
class ShopMaker:
    """Makes shops, one after the other, that opened in the year before `until`."""

    chance: random.Random
    book: Book
    reference: Reference
    until: datetime
    _adverts: int = 0

    def make(self, number: int) -> Shop:
        """Make a shop, and put its rows in the book. It takes at most SHOP_IDS ids of a table."""
        chance = self.chance
        opened_at = self.until - timedelta(days=400 + chance.randrange(800))
        name = shop_name(number)
        shop = Shop(
            seller_id=self._seller(name, opened_at),
            name=name,
            handling_hours=chance.choice((6, 12, 24, 24, 48)),
            shipping_cents=chance.choice((0, 790, 990, 990, 1290)),
            commission=chance.choice((0.08, 0.1, 0.12, 0.15)),
            is_collected_from=chance.random() < 0.4,
        )
        for place in range(6 + int(24 * chance.random() ** 2)):
            # The first is always for sale, because a shop without goods has no orders.
            self._advert(shop, is_sold=place == 0 or chance.random() < 0.94)
        return shop

    def _seller(self, name: str, opened_at: datetime) -> int:
        chance, domain = self.chance, f"{slug(name)}.example"
        seller_id = self.book.add(
            SELLERS,
            business_name=name,
            legal_business_name=f"{name} Pty Ltd",
            business_number=f"{chance.randrange(10**10, 10**11)}",
            email_address=f"orders@{domain}",
            phone=f"03 {chance.randrange(9000, 9999)} {chance.randrange(10_000):04d}",
            is_online=True,
            is_retailer=chance.random() < 0.9,
            address_id=self.book.add(ADDRESSES, **address_values(chance, self.reference)),
            created_at=opened_at,
            updated_at=opened_at,
        )
        self._image("Seller", seller_id, f"sellers/{slug(name)}/logo", name, kind=ImageKind.LOGO)
        for place in range(chance.randrange(3)):
            self._image("Seller", seller_id, f"sellers/{slug(name)}/store-{place}", name, position=place)
        self._external_id("Seller", seller_id, "crm", f"CRM-{chance.randrange(10**6):06d}")
        return seller_id

    def _advert(self, shop: Shop, *, is_sold: bool) -> None:
        chance = self.chance
        category = chance.choice(CATEGORIES)
        noun, low, high = chance.choice(category.nouns)
        brand = chance.choice(words.BRANDS)
        self._adverts += 1
        title, code = f"{chance.choice(words.ADJECTIVES)} {noun.lower()}", f"{noun[:3].upper()}-{self._adverts:05d}"
        created_at = self.until - timedelta(days=370 + chance.randrange(400), seconds=chance.randrange(86_400))
        advert_id = self.book.number(ADVERTS)
        advert = self.book.put(
            ADVERTS,
            id=advert_id,
            seller_id=shop.seller_id,
            title=title,
            description=f"{brand} makes it of {' and '.join(category.materials).lower() or 'paper and ink'}.",
            code=code,
            condition=AdvertCondition.USED if chance.random() < 0.04 else AdvertCondition.NEW,
            is_published=is_sold,
            is_online=True,
            is_vetted=True,
            product_features=chance.sample(words.FEATURES, chance.randrange(4)),
            url=f"https://{slug(shop.name)}.example/{code.lower()}",
            brand_id=self.reference.brands[brand],
            taxon_id=self.reference.taxons[category.taxons],
            deleted_at=created_at + timedelta(days=300) if not is_sold and chance.random() < 0.3 else None,
            created_at=created_at,
            updated_at=created_at + timedelta(days=300),
        )
        images = [
            self._image("Advert", advert_id, f"adverts/{code.lower()}/{place}", title, position=place)
            for place in range(1 + chance.randrange(3))
        ]
        self._describe(advert_id, code, category)
        self._variants(shop, advert, images[0], brand, category, chance.randint(low, high))

    def _describe(self, advert_id: int, code: str, category: Category) -> None:
        """Return the values that all variants of an advert share."""
        chance, options = self.chance, self.reference.options
        made_in = chance.choice(words.MADE_IN)
        self._choose(ADVERT_OPTION_VALUES, {"advert_id": advert_id}, "made-in", text=made_in)
        for material in category.materials[: chance.randint(1, 2)]:
            value_id = options["material"].values[material]
            self._choose(ADVERT_OPTION_VALUES, {"advert_id": advert_id}, "material", value_id=value_id)
        if chance.random() < 0.3:
            self._external_id("Advert", advert_id, "pim", f"PIM-{code}")

    def _variants(
        self, shop: Shop, advert: dict[str, Any], image_id: int, brand: str, category: Category, dollars: int
    ) -> None:
        price_cents = dollars * 100 - self.chance.choice((0, 0, 5, 10))
        for place, chosen in enumerate(self._combinations(category)):
            label = " / ".join(chosen.values()) or ("PDF" if category.is_file else "One size")
            goods = self._goods(
                variant_id=self.book.number(VARIANTS),
                advert_id=advert["id"],
                image_id=image_id,
                title=advert["title"],
                code=advert["code"],
                brand_name=brand,
                label=label,
                sku=f"{advert['code']}-{place + 1:02d}",
                price_cents=price_cents + 500 * (place // 3),
                is_file=category.is_file,
            )
            is_published = place == 0 or self.chance.random() < 0.97
            self._put_variant(shop, advert, goods, is_published=is_published)
            for name, value in chosen.items():
                value_id = self.reference.options[name].values[value]
                self._choose(VARIANT_OPTION_VALUES, {"variant_id": goods.variant_id}, name, value_id=value_id)
            if advert["is_published"] and is_published:
                shop.goods.append(goods)

    def _combinations(self, category: Category) -> Iterator[dict[str, str]]:
        """Return the option values of each variant, in order, for at most 8 variants."""
        kinds = [self._some([*self.reference.options[name].values]) for name in category.options]
        for chosen in [*product(*kinds)][:8]:
            yield dict(zip(category.options, chosen, strict=True))

    def _some(self, values: Sequence[str]) -> list[str]:
        chosen = self.chance.sample(range(len(values)), self.chance.randint(1, 4))
        return [values[place] for place in sorted(chosen)]

    def _goods(self, *, price_cents: int, **known: Any) -> Goods:
        is_on_sale, has_end = self.chance.random() < 0.12, self.chance.random() < 0.6
        start = self.until - timedelta(days=self.chance.randrange(365))
        return Goods(
            **known,
            barcode=barcode(self.chance),
            price_cents=price_cents,
            sale_price_cents=price_cents * 8 // 10 if is_on_sale else None,
            sale_start_at=start if is_on_sale and has_end else None,
            sale_end_at=start + timedelta(days=14) if is_on_sale and has_end else None,
        )

    def _put_variant(self, shop: Shop, advert: dict[str, Any], goods: Goods, *, is_published: bool) -> None:
        # The stock is what the orders have left.
        left = 0 if goods.is_file or self.chance.random() < 0.06 else self.chance.randint(1, 150)
        shared = {"count_on_hand": left, "has_infinite_quantity": goods.is_file, "price_cents": goods.price_cents}
        self.book.put(
            VARIANTS,
            id=goods.variant_id,
            advert_id=goods.advert_id,
            seller_id=shop.seller_id,
            label=goods.label,
            sku=goods.sku,
            barcode=goods.barcode,
            is_published=is_published,
            sale_price_cents=goods.sale_price_cents,
            sale_price_start_at=goods.sale_start_at,
            sale_price_end_at=goods.sale_end_at,
            currency=CURRENCY,
            deleted_at=advert["deleted_at"],
            created_at=advert["created_at"],
            updated_at=advert["updated_at"],
            **shared,
        )
        owned = {"variant_id": goods.variant_id, "seller_id": shop.seller_id, "currency": CURRENCY}
        self.book.add(INVENTORIES, **owned, **shared)
        if self.chance.random() < 0.2:
            self._image("Variant", goods.variant_id, f"variants/{goods.sku.lower()}", goods.label)
        if self.chance.random() < 0.3:
            self._external_id("Variant", goods.variant_id, "erp", f"{self.chance.randrange(10**8):08d}")
        if self.chance.random() < 0.05:
            at = advert["updated_at"]
            self.book.add(
                METADATA,
                owner_type="Variant",
                owner_id=goods.variant_id,
                key="shelf",
                value=f"{self.chance.choice('ABCD')}{self.chance.randint(1, 60)}",
                created_at=at,
                updated_at=at,
            )

    def _choose(
        self, table: Any, owner: dict[str, int], option: str, *, value_id: int | None = None, text: str | None = None
    ) -> None:
        type_id = self.reference.options[option].id
        self.book.add(table, **owner, option_type_id=type_id, option_value_id=value_id, text_value=text)

    def _external_id(self, owner_type: str, owner_id: int, key: str, value: str) -> None:
        self.book.add(EXTERNAL_IDS, owner_type=owner_type, owner_id=owner_id, key=key, value=value)

    def _image(
        self, owner: str, owner_id: int, path: str, alt: str, *, position: int = 0, kind: ImageKind = ImageKind.GALLERY
    ) -> int:
        return self.book.add(
            IMAGES,
            owner_type=owner,
            owner_id=owner_id,
            kind=kind,
            url=f"https://images.example/{path}.jpg",
            alt=alt,
            filename=f"{path.rpartition('/')[2]}.jpg",
            position=position,
        )
