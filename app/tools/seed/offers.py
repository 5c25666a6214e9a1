"""The shops and what they offer, before they have rows: the five named shops, or any number of invented ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, product

from app.marketplace.catalogue.domain.slug import slug
from app.tools.seed import words
from app.tools.seed.chance import Chance
from app.tools.seed.names import SHOPS, NamedArticle
from app.tools.seed.words import CATEGORIES, Category


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedVariant:
    """A variant. `options` holds its values by the names of option types."""

    label: str
    sku: str
    price_cents: int
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An advert with its variants. `taxons` are names from the root down."""

    code: str
    title: str
    description: str
    brand: str
    taxons: tuple[str, ...]
    materials: Sequence[str]
    is_file: bool
    variants: Sequence[OfferedVariant]


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferingShop:
    """A shop. Its articles are made while one iterates."""

    name: str
    legal_name: str
    domain: str
    articles: Iterator[Article]


def named_shops(chance: Chance) -> Iterator[OfferingShop]:
    """Return the shops of the small marketplace."""
    for shop in SHOPS:
        articles = (_named_article(chance, article) for article in shop.articles)
        yield OfferingShop(
            name=shop.business_name, legal_name=shop.legal_business_name, domain=shop.domain, articles=articles
        )


def invented_shops(chance: Chance) -> Iterator[OfferingShop]:
    """Return shops without end."""
    codes = count(1)
    for number in count():
        name = shop_name(number)
        yield OfferingShop(
            name=name,
            legal_name=f"{name} Pty Ltd",
            domain=f"{slug(name)}.example",
            articles=_invented_articles(chance, codes),
        )


def shop_name(number: int) -> str:
    """Return a different name for each number."""
    first, second, trades = words.SHOP_FIRST, words.SHOP_SECOND, words.SHOP_TRADES
    turn, place = divmod(number, len(first))
    # 1 + 20 has no divisor in common with 16: each first word meets each second word once.
    name = f"{first[place]} & {second[(number + turn) % len(second)]}"
    around = turn // len(second)
    return f"{name} {trades[around % len(trades)]} {around}" if around else name


def _named_article(chance: Chance, article: NamedArticle) -> Article:
    return Article(
        code=article.code,
        title=article.title,
        description=article.description,
        brand=chance.choice(words.BRANDS),
        taxons=article.taxons,
        materials=article.materials,
        is_file=article.is_file,
        variants=[
            OfferedVariant(
                label=label,
                sku=f"{article.code}-{label.upper().replace(' ', '')}",
                price_cents=price_cents,
                options={article.option: label} if article.option else {},
            )
            for label, price_cents in article.variants
        ],
    )


def _invented_articles(chance: Chance, codes: Iterator[int]) -> Iterator[Article]:
    for _ in range(6 + int(24 * chance.random() ** 2)):
        category = chance.choice(CATEGORIES)
        noun, low, high = chance.choice(category.nouns)
        brand, code = chance.choice(words.BRANDS), f"{noun[:3].upper()}-{next(codes):05d}"
        price_cents = chance.randint(low, high) * 100 - chance.choice((0, 0, 5, 10))
        yield Article(
            code=code,
            title=f"{chance.choice(words.ADJECTIVES)} {noun.lower()}",
            description=f"{brand} makes it of {' and '.join(category.materials).lower() or 'paper and ink'}.",
            brand=brand,
            taxons=category.taxons,
            materials=category.materials[: chance.randint(1, 2)],
            is_file=category.is_file,
            variants=[
                OfferedVariant(
                    label=" / ".join(options.values()) or ("PDF" if category.is_file else "One size"),
                    sku=f"{code}-{place + 1:02d}",
                    price_cents=price_cents + 500 * (place // 3),
                    options=options,
                )
                for place, options in enumerate(_combinations(chance, category))
            ],
        )


def _combinations(chance: Chance, category: Category) -> Iterator[dict[str, str]]:
    """Return the option values of each variant, in order, for at most 8 variants."""
    values_of = {option.name: option.values for option in words.OPTIONS}
    kinds = [_some(chance, values_of[name]) for name in category.options]
    for chosen in [*product(*kinds)][:8]:
        yield dict(zip(category.options, chosen, strict=True))


def _some(chance: Chance, values: Sequence[str]) -> list[str]:
    chosen = chance.sample(range(len(values)), chance.randint(1, min(4, len(values))))
    return [values[place] for place in sorted(chosen)]
