"""The words of the seeded marketplace: sellers with what they offer, carriers, buyers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamedArticle:
    """An advert.

    Attributes:
        taxons: Names from the root down; words.py knows them.
        variants: Labels and prices in cents.
        option: The option type by which the variants differ; the labels are its values.
    """

    code: str
    title: str
    description: str
    taxons: tuple[str, ...]
    variants: tuple[tuple[str, int], ...]
    option: str | None = None
    materials: tuple[str, ...] = ()
    is_file: bool = False


@dataclass(frozen=True, slots=True)
class NamedShop:
    business_name: str
    legal_business_name: str
    domain: str
    articles: tuple[NamedArticle, ...]


#: The operator's parts of what shops sell.
COMMISSIONS = (0.08, 0.1, 0.12, 0.15)
#: Name, and where a parcel is followed; not every carrier has such a page.
CARRIERS: tuple[tuple[str, str | None], ...] = (
    ("Southern Post", "https://track.southernpost.example/{trackingNumber}"),
    ("Quickline Couriers", "https://quickline.example/parcels?number={trackingNumber}"),
    ("Harbour Freight Lines", "https://harbourfreight.example/t/{trackingNumber}"),
    ("Seller's own van", None),
)

_KITCHEN, _BEDROOM, _CYCLING = ("Home", "Kitchen"), ("Home", "Bedroom"), ("Sport", "Cycling")
_STATIONERY, _PATTERNS, _KNITWEAR = ("Books", "Stationery"), ("Books", "Patterns"), ("Clothing", "Knitwear")
_TOOLS, _POTS = ("Garden", "Tools"), ("Garden", "Pots")

SHOPS: tuple[NamedShop, ...] = (
    NamedShop(
        "Kettle & Cup",
        "Kettle and Cup Pty Ltd",
        "kettleandcup.example",
        (
            NamedArticle(
                "KC-POUR",
                "Pour-over kettle, 1 l",
                "A narrow spout for a steady hand.",
                _KITCHEN,
                (("Steel", 8900), ("Copper", 12900), ("Matt black", 9900)),
                option="finish",
                materials=("Steel",),
            ),
            NamedArticle(
                "KC-CUP",
                "Stoneware cup",
                "Glazed by hand.",
                _KITCHEN,
                (("Sand", 2400), ("Sea", 2400)),
                option="colour",
                materials=("Stoneware",),
            ),
            NamedArticle(
                "KC-MILL",
                "Hand coffee mill",
                "Steel burrs, 30 g.",
                _KITCHEN,
                (("One size", 14900),),
                materials=("Steel", "Oak"),
            ),
            NamedArticle(
                "KC-FILT",
                "Paper filters",
                "Unbleached, cone no. 2.",
                _KITCHEN,
                (("100", 1200), ("400", 3900)),
                option="pack",
                materials=("Paper",),
            ),
        ),
    ),
    NamedShop(
        "Northside Cycles",
        "Northside Cycles Pty Ltd",
        "northsidecycles.example",
        (
            NamedArticle(
                "NC-BELL",
                "Brass bell",
                "Heard from behind a tram.",
                _CYCLING,
                (("Brass", 3500), ("Black", 3300)),
                option="colour",
                materials=("Brass",),
            ),
            NamedArticle(
                "NC-TYRE",
                "Touring tyre, 700c",
                "Puncture guard and reflective sides.",
                _CYCLING,
                (("32 mm", 6400), ("37 mm", 6700), ("42 mm", 6900)),
                option="measure",
            ),
            NamedArticle(
                "NC-BAG",
                "Pannier bag, 20 l",
                "Waterproof, one hook.",
                _CYCLING,
                (("Olive", 11900), ("Grey", 11900)),
                option="colour",
                materials=("Canvas",),
            ),
            NamedArticle("NC-LAMP", "Front lamp, 60 lux", "Runs off a hub dynamo.", _CYCLING, (("Standard", 9400),)),
        ),
    ),
    NamedShop(
        "Paper Lantern Books",
        "Paper Lantern Books Pty Ltd",
        "paperlantern.example",
        (
            NamedArticle(
                "PL-ATLAS",
                "Atlas of Small Islands",
                "Maps and notes.",
                _STATIONERY,
                (("Hardback", 5500),),
                option="edition",
                materials=("Paper",),
            ),
            NamedArticle(
                "PL-BREAD",
                "The Slow Bread Book",
                "60 recipes.",
                _STATIONERY,
                (("Hardback", 4900), ("Paperback", 3200)),
                option="edition",
                materials=("Paper",),
            ),
            NamedArticle(
                "PL-NOTE",
                "Dotted notebook, A5",
                "192 pages.",
                _STATIONERY,
                (("Ink", 2200), ("Rust", 2200), ("Moss", 2200)),
                option="colour",
                materials=("Paper",),
            ),
            NamedArticle(
                "PL-PEN",
                "Fountain pen",
                "Takes standard cartridges.",
                _STATIONERY,
                (("Fine", 4200), ("Medium", 4200)),
                option="nib",
                materials=("Brass",),
            ),
        ),
    ),
    NamedShop(
        "Wattle & Wool",
        "Wattle and Wool Trading Pty Ltd",
        "wattleandwool.example",
        (
            NamedArticle(
                "WW-PATT", "Cable jumper pattern", "A file to print.", _PATTERNS, (("PDF", 900),), is_file=True
            ),
            NamedArticle(
                "WW-SOCK",
                "Merino walking socks",
                "Two pairs.",
                _KNITWEAR,
                (("S", 3900), ("M", 3900), ("L", 3900)),
                option="size",
                materials=("Wool",),
            ),
            NamedArticle(
                "WW-THROW",
                "Lambswool throw",
                "130 × 180 cm.",
                _BEDROOM,
                (("Ochre", 18900), ("Slate", 18900)),
                option="colour",
                materials=("Wool",),
            ),
            NamedArticle(
                "WW-YARN",
                "Four-ply yarn, 100 g",
                "Undyed.",
                _KNITWEAR,
                (("Cream", 2100), ("Fawn", 2100)),
                option="colour",
                materials=("Wool",),
            ),
            NamedArticle(
                "WW-HAT",
                "Ribbed beanie",
                "Knitted in one piece.",
                _KNITWEAR,
                (("Navy", 4500), ("Fern", 4500)),
                option="colour",
                materials=("Wool", "Cotton"),
            ),
        ),
    ),
    NamedShop(
        "Green Thumb Supply",
        "Green Thumb Supply Co Pty Ltd",
        "greenthumb.example",
        (
            NamedArticle(
                "GT-GUIDE", "Planting calendar", "A file to print.", _PATTERNS, (("PDF", 1500),), is_file=True
            ),
            NamedArticle(
                "GT-SEED",
                "Kitchen garden seeds",
                "Ten sorts.",
                _POTS,
                (("Spring", 2900), ("Autumn", 2900)),
                option="season",
            ),
            NamedArticle(
                "GT-FORK", "Hand fork", "Ash handle.", _TOOLS, (("Standard", 3600),), materials=("Steel", "Ash")
            ),
            NamedArticle(
                "GT-POT",
                "Terracotta pot",
                "Frost-proof.",
                _POTS,
                (("12 cm", 900), ("18 cm", 1600), ("24 cm", 2800)),
                option="measure",
                materials=("Stoneware",),
            ),
        ),
    ),
)

FIRST_NAMES = ("Ada", "Mei", "Tom", "Priya", "Lachlan", "Zoe", "Omar", "Ruth", "Jack", "Ines", "Noah", "Freya")
SURNAMES = ("Byron", "Chen", "Walsh", "Nair", "Campbell", "Papadakis", "Haddad", "Kelly", "Moore", "Silva")
MESSAGES = (None, None, None, "Please leave it at the side door.", "It is a present: no prices, please.")
#: What every shop says about itself.
SHOP_WORDS = {
    "mobile": "0400 555 000",
    "opening_hours": "Monday to Friday, 9 to 17",
    "delivery_details": "By post, within two days.",
    "return_policy": "Within 30 days, unused.",
    "service_policy": "We answer within a day.",
    "click_and_collect_policy": "Bring the order's number.",
    "contact_first_name": "Mei",
}
#: What every advert says.
ADVERT_WORDS: dict[str, object] = {
    "specifications": "Weight: 1 kg\nMade of steel",
    "promotion_text": "Loved by our customers",
    "youtube_video_url": "https://youtu.be/how-it-work",
    "origin_country_code": "AU",
    "gender": "UNISEX",
    "year": 2026,
    "base_domestic_shipping_cost": 9.9,
}
