"""The words of the seeded marketplace: sellers with what they offer, carriers, buyers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Article:
    """A planned advert. `variants` holds labels and prices in cents."""

    code: str
    title: str
    description: str
    variants: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Shop:
    business_name: str
    legal_business_name: str
    domain: str
    articles: tuple[Article, ...]


#: Name, and where a parcel is followed; not every carrier has such a page.
CARRIERS: tuple[tuple[str, str | None], ...] = (
    ("Southern Post", "https://track.southernpost.example/{trackingNumber}"),
    ("Quickline Couriers", "https://quickline.example/parcels?number={trackingNumber}"),
    ("Harbour Freight Lines", "https://harbourfreight.example/t/{trackingNumber}"),
    ("Seller's own van", None),
)

SHOPS: tuple[Shop, ...] = (
    Shop(
        "Kettle & Cup",
        "Kettle and Cup Pty Ltd",
        "kettleandcup.example",
        (
            Article(
                "KC-POUR",
                "Pour-over kettle, 1 l",
                "A narrow spout for a steady hand.",
                (("Steel", 8900), ("Copper", 12900), ("Matt black", 9900)),
            ),
            Article("KC-CUP", "Stoneware cup", "Glazed by hand.", (("Sand", 2400), ("Sea", 2400))),
            Article("KC-MILL", "Hand coffee mill", "Steel burrs, 30 g.", (("One size", 14900),)),
            Article("KC-FILT", "Paper filters", "Unbleached, cone no. 2.", (("100", 1200), ("400", 3900))),
        ),
    ),
    Shop(
        "Northside Cycles",
        "Northside Cycles Pty Ltd",
        "northsidecycles.example",
        (
            Article(
                "NC-BELL",
                "Brass bell",
                "Heard from behind a tram.",
                (("Polished", 3500), ("Black", 3300)),
            ),
            Article(
                "NC-TYRE",
                "Touring tyre, 700c",
                "Puncture guard and reflective sides.",
                (("32 mm", 6400), ("37 mm", 6700), ("42 mm", 6900)),
            ),
            Article("NC-BAG", "Pannier bag, 20 l", "Waterproof, one hook.", (("Olive", 11900), ("Grey", 11900))),
            Article("NC-LAMP", "Front lamp, 60 lux", "Runs off a hub dynamo.", (("Standard", 9400),)),
        ),
    ),
    Shop(
        "Paper Lantern Books",
        "Paper Lantern Books Pty Ltd",
        "paperlantern.example",
        (
            Article("PL-ATLAS", "Atlas of Small Islands", "Maps and notes.", (("Hardback", 5500),)),
            Article("PL-BREAD", "The Slow Bread Book", "60 recipes.", (("Hardback", 4900), ("Paperback", 3200))),
            Article("PL-NOTE", "Dotted notebook, A5", "192 pages.", (("Ink", 2200), ("Rust", 2200), ("Moss", 2200))),
            Article("PL-PEN", "Fountain pen", "Takes standard cartridges.", (("Fine", 4200), ("Medium", 4200))),
        ),
    ),
    Shop(
        "Wattle & Wool",
        "Wattle and Wool Trading Pty Ltd",
        "wattleandwool.example",
        (
            Article(
                "WW-SOCK",
                "Merino walking socks",
                "Two pairs.",
                (("S", 3900), ("M", 3900), ("L", 3900)),
            ),
            Article("WW-THROW", "Lambswool throw", "130 × 180 cm.", (("Ochre", 18900), ("Slate", 18900))),
            Article("WW-YARN", "Four-ply yarn, 100 g", "Undyed.", (("Cream", 2100), ("Fawn", 2100))),
            Article("WW-HAT", "Ribbed beanie", "Knitted in one piece.", (("Navy", 4500), ("Fern", 4500))),
        ),
    ),
    Shop(
        "Green Thumb Supply",
        "Green Thumb Supply Co Pty Ltd",
        "greenthumb.example",
        (
            Article("GT-SEED", "Kitchen garden seeds", "Ten sorts.", (("Spring", 2900), ("Autumn", 2900))),
            Article("GT-FORK", "Hand fork", "Ash handle.", (("Standard", 3600),)),
            Article("GT-POT", "Terracotta pot", "Frost-proof.", (("12 cm", 900), ("18 cm", 1600), ("24 cm", 2800))),
            Article("GT-GUIDE", "Planting calendar", "A file to print.", (("PDF", 1500),)),
        ),
    ),
)

FIRST_NAMES = ("Ada", "Mei", "Tom", "Priya", "Lachlan", "Zoe", "Omar", "Ruth", "Jack", "Ines", "Noah", "Freya")
SURNAMES = ("Byron", "Chen", "Walsh", "Nair", "Campbell", "Papadakis", "Haddad", "Kelly", "Moore", "Silva")
MESSAGES = (None, None, None, "Please leave it at the side door.", "It is a present: no prices, please.")
