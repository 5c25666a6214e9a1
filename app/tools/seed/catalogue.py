"""Make shops and their goods, as rows of the catalogue. The data that orders need are kept."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.catalogue.db.option_types import ADVERT_OPTION_VALUES, VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.catalogue.domain.advert import AdvertCondition
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.domain.image import ImageKind
from app.tools.seed import words
from app.tools.seed.book import Book
from app.tools.seed.chance import Chance
from app.tools.seed.labels import label_of
from app.tools.seed.names import ADVERT_WORDS, COMMISSIONS, SHOP_WORDS, SURNAMES
from app.tools.seed.offers import Article, OfferedVariant, OfferingShop
from app.tools.seed.owned import put_external_id, put_metadatum
from app.tools.seed.reference import Reference
from app.tools.seed.words import CURRENCY

#: Ids of one table that a shop may take: so many are reserved before it is made.
SHOP_IDS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """A variant that can be bought, with the values that an order copies."""

    variant_id: int
    inventory_id: int
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

    @property
    def wholesale_price_cents(self) -> int:
        return self.price_cents * 7 // 10


@dataclass(slots=True, kw_only=True)
class Shop:
    """A shop with at least one variant. `handling_hours` pass before it sends an order."""

    seller_id: int
    address_id: int
    name: str
    domain: str
    handling_hours: int
    shipping_cents: int
    commission: float
    is_collected_from: bool
    goods: list[Goods] = field(default_factory=list)


def barcode(chance: Chance) -> str:
    """Return an EAN-13 barcode of Australia's range, with its check digit."""
    digits = f"93{chance.randrange(10**10):010d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def address_values(chance: Chance, reference: Reference) -> dict[str, object]:
    city, state, postcode, lat, lng = chance.choice(words.CITIES)
    return {
        "address": f"{chance.randint(1, 240)} {chance.choice(words.STREETS)}",
        "subaddress": f"Unit {chance.randint(1, 40)}" if chance.happens("unit", 0.2) else None,
        "city": city,
        "postcode": postcode,
        "state_id": reference.states[state],
        "country_id": reference.country_id,
        "lat": round(lat + chance.uniform(-0.05, 0.05), 5),
        "lng": round(lng + chance.uniform(-0.05, 0.05), 5),
    }


@dataclass(slots=True, kw_only=True)
class ShopMaker:
    """Makes shops, one after the other, that opened in the years before `until`."""

    chance: Chance
    book: Book
    reference: Reference
    until: datetime

    def make(self, offering: OfferingShop) -> Shop:
        """Make a shop, and put its rows in the book. It takes at most SHOP_IDS ids of a table."""
        chance = self.chance
        opened_at = self.until - timedelta(days=400 + chance.randrange(800))
        seller_id, address_id = self._seller(offering, opened_at)
        shop = Shop(
            seller_id=seller_id,
            address_id=address_id,
            name=offering.name,
            domain=offering.domain,
            handling_hours=chance.choice((6, 12, 24, 24, 48)),
            shipping_cents=chance.choice((0, 790, 990, 990, 1290)),
            commission=chance.choice(COMMISSIONS),
            is_collected_from=chance.happens("collected from", 0.4, every=2),
        )
        self.book.rows[SELLERS.name][-1]["commission_package_id"] = self.reference.packages[shop.commission]
        for place, article in enumerate(offering.articles):
            # The first is for sale: a shop without goods has no orders.
            self._advert(shop, article, is_sold=place == 0 or not chance.happens("unpublished", 0.06))
        return shop

    def _seller(self, offering: OfferingShop, opened_at: datetime) -> tuple[int, int]:
        chance, name = self.chance, offering.name
        seller_id = self.book.add(
            SELLERS,
            business_name=name,
            legal_business_name=offering.legal_name,
            business_number=f"{chance.randrange(10**10, 10**11)}",
            email_address=f"orders@{offering.domain}",
            phone=f"03 {chance.randrange(9000, 9999)} {chance.randrange(10_000):04d}",
            **SHOP_WORDS,
            email_cc=f"accounts@{offering.domain}",
            store_description=f"{name} sells what it makes and knows.",
            contact_surname=SURNAMES[len(name) % len(SURNAMES)],
            youtube_video_url=f"https://video.example/{slug(name)}",
            is_online=True,
            is_retailer=not chance.happens("no retailer", 0.1),
            address_id=(address_id := self.book.add(ADDRESSES, **address_values(chance, self.reference))),
            created_at=opened_at,
            updated_at=opened_at,
        )
        self._image("Seller", seller_id, f"sellers/{slug(name)}/logo", name, kind=ImageKind.LOGO)
        for place in range(chance.randrange(3)):
            self._image("Seller", seller_id, f"sellers/{slug(name)}/store-{place}", name, position=place)
        put_external_id(self.book, "Seller", seller_id, "crm", f"CRM-{chance.randrange(10**6):06d}")
        if chance.happens("contract", 0.3, every=3):
            put_metadatum(self.book, "Seller", seller_id, "contract", chance.choice(("basic", "plus")), opened_at)
        return seller_id, address_id

    def _advert(self, shop: Shop, article: Article, *, is_sold: bool) -> None:
        chance = self.chance
        created_at = self.until - timedelta(days=370 + chance.randrange(400), seconds=chance.randrange(86_400))
        is_deleted = not is_sold and chance.happens("deleted", 0.3)
        advert_id = self.book.number(ADVERTS)
        advert = self.book.put(
            ADVERTS,
            id=advert_id,
            seller_id=shop.seller_id,
            title=article.title,
            description=article.description,
            code=article.code,
            condition=AdvertCondition.USED if chance.happens("used", 0.04) else AdvertCondition.NEW,
            is_published=is_sold,
            is_vetted=True,
            vetting_rejected_reason=None if is_sold else "The pictures are blurred.",
            **ADVERT_WORDS,
            product_features=chance.sample(words.FEATURES, chance.randrange(4)),
            url=f"https://{shop.domain}/{article.code.lower()}",
            tax_code="GST-BOOK" if article.taxons[0] == "Books" else "GST-STANDARD",
            brand_id=self.reference.brands[article.brand],
            taxon_id=self.reference.taxons[article.taxons],
            deleted_at=created_at + timedelta(days=300) if is_deleted else None,
            created_at=created_at,
            updated_at=created_at + timedelta(days=300),
        )
        if chance.happens("season", 0.1):
            put_metadatum(self.book, "Advert", advert_id, "season", chance.choice(("summer", "winter")), created_at)
        images = [
            self._image("Advert", advert_id, f"adverts/{article.code.lower()}/{place}", article.title, position=place)
            for place in range(1 + chance.randrange(3))
        ]
        self._describe(advert_id, article)
        for place, variant in enumerate(article.variants):
            self._variant(shop, advert, article, variant, images[0], is_first=place == 0)

    def _describe(self, advert_id: int, article: Article) -> None:
        """Put the option values that all variants of an advert share."""
        chance, options = self.chance, self.reference.options
        self._choose(ADVERT_OPTION_VALUES, {"advert_id": advert_id}, "made-in", text=chance.choice(words.MADE_IN))
        for material in article.materials:
            value_id = options["material"].values[material]
            self._choose(ADVERT_OPTION_VALUES, {"advert_id": advert_id}, "material", value_id=value_id)
        if chance.happens("advert in the PIM", 0.3):
            put_external_id(self.book, "Advert", advert_id, "pim", f"PIM-{article.code}")

    def _variant(
        self,
        shop: Shop,
        advert: dict[str, Any],
        article: Article,
        variant: OfferedVariant,
        image_id: int,
        *,
        is_first: bool,
    ) -> None:
        goods = self._goods(
            variant_id=self.book.number(VARIANTS),
            advert_id=advert["id"],
            image_id=image_id,
            title=article.title,
            code=article.code,
            brand_name=article.brand,
            label=variant.label,
            sku=variant.sku,
            price_cents=variant.price_cents,
            is_file=article.is_file,
        )
        is_published = is_first or not self.chance.happens("unpublished variant", 0.03)
        self._put_variant(shop, advert, goods, is_published=is_published)
        owner = {"variant_id": goods.variant_id}
        for name, value in variant.options.items():
            self._choose(VARIANT_OPTION_VALUES, owner, name, value_id=self.reference.options[name].values[value])
        if self.chance.happens("batch", 0.05):
            self._choose(VARIANT_OPTION_VALUES, owner, "batch", text=f"B-{self.chance.randrange(10**4):04d}")
        if advert["is_published"] and is_published:
            shop.goods.append(goods)

    def _goods(self, *, price_cents: int, **known: Any) -> Goods:
        is_on_sale, has_end = self.chance.happens("on sale", 0.12), self.chance.happens("end of sale", 0.6)
        start = self.until - timedelta(days=self.chance.randrange(365))
        return Goods(
            **known,
            inventory_id=self.book.number(INVENTORIES),
            barcode=barcode(self.chance),
            price_cents=price_cents,
            sale_price_cents=price_cents * 8 // 10 if is_on_sale else None,
            sale_start_at=start if is_on_sale and has_end else None,
            sale_end_at=start + timedelta(days=14) if is_on_sale and has_end else None,
        )

    def _put_variant(self, shop: Shop, advert: dict[str, Any], goods: Goods, *, is_published: bool) -> None:
        # The stock is what the orders have left.
        left = 0 if goods.is_file or self.chance.happens("out of stock", 0.06) else self.chance.randint(1, 150)
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
            min_purchase_quantity=2 if self.chance.happens("sold in twos", 0.03) else None,
            max_purchase_quantity=10 if self.chance.happens("sold in limits", 0.08) else None,
            tax_code=advert["tax_code"],
            notes="Pack it upright." if self.chance.happens("variant notes", 0.06) else None,
            url=f"{advert['url']}?variant={goods.sku.lower()}",
            description=f"{goods.label}, of {goods.brand_name}.",
            wholesale_price_cents=goods.wholesale_price_cents,
            recommended_retail_price_cents=goods.price_cents * 11 // 10,
            sale_price_cents=goods.sale_price_cents,
            sale_price_start_at=goods.sale_start_at,
            sale_price_end_at=goods.sale_end_at,
            currency=CURRENCY,
            **label_of(goods.variant_id, goods.price_cents, self.until),
            deleted_at=advert["deleted_at"],
            created_at=advert["created_at"],
            updated_at=advert["updated_at"],
            **shared,
        )
        owned = {"variant_id": goods.variant_id, "seller_id": shop.seller_id, "currency": CURRENCY}
        self.book.put(INVENTORIES, id=goods.inventory_id, **owned, **shared)
        if self.chance.happens("variant image", 0.2):
            self._image("Variant", goods.variant_id, f"variants/{goods.sku.lower()}", goods.label)
        if self.chance.happens("variant in the ERP", 0.3):
            put_external_id(self.book, "Variant", goods.variant_id, "erp", f"{self.chance.randrange(10**8):08d}")
        if self.chance.happens("shelf", 0.05):
            shelf = f"{self.chance.choice('ABCD')}{self.chance.randint(1, 60)}"
            put_metadatum(self.book, "Variant", goods.variant_id, "shelf", shelf, advert["updated_at"])

    def _choose(
        self, table: Any, owner: dict[str, int], option: str, *, value_id: int | None = None, text: str | None = None
    ) -> None:
        type_id = self.reference.options[option].id
        self.book.add(table, **owner, option_type_id=type_id, option_value_id=value_id, text_value=text)

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
