"""The words of seeded marketplaces; offers.py, catalogue.py and the sales use them."""

from dataclasses import dataclass

from app.marketplace.catalogue.domain.option import FieldType
from app.tools.seed import names

CURRENCY = "AUD"
TAX_RATE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionWords:
    """An option type with its values; none for a free text."""

    name: str
    display_name: str
    field_type: FieldType
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """A category. `taxons` are names from the root down; `nouns` have a price range in whole dollars."""

    taxons: tuple[str, ...]
    nouns: tuple[tuple[str, int, int], ...]
    options: tuple[str, ...] = ()
    materials: tuple[str, ...] = ()
    is_file: bool = False


SINGLE, MULTI, FREE = FieldType.SINGLE_SELECT, FieldType.MULTI_SELECT, FieldType.FREE_TEXT

OPTIONS = (
    OptionWords(
        name="colour",
        display_name="Colour",
        field_type=SINGLE,
        values=(
            *("Black", "White", "Navy", "Fern", "Ochre", "Slate", "Sand", "Rust", "Sea", "Plum"),
            *("Brass", "Olive", "Grey", "Cream", "Fawn", "Ink", "Moss"),
        ),
    ),
    OptionWords(name="size", display_name="Size", field_type=SINGLE, values=("XS", "S", "M", "L", "XL")),
    OptionWords(name="volume", display_name="Volume", field_type=SINGLE, values=("250 ml", "500 ml", "1 l", "2 l")),
    OptionWords(
        name="material",
        display_name="Material",
        field_type=MULTI,
        values=("Wool", "Cotton", "Linen", "Steel", "Brass", "Oak", "Ash", "Stoneware", "Leather", "Canvas", "Paper"),
    ),
    OptionWords(name="finish", display_name="Finish", field_type=SINGLE, values=("Steel", "Copper", "Matt black")),
    OptionWords(
        name="measure",
        display_name="Measure",
        field_type=SINGLE,
        values=("12 cm", "18 cm", "24 cm", "32 mm", "37 mm", "42 mm"),
    ),
    OptionWords(name="edition", display_name="Edition", field_type=SINGLE, values=("Hardback", "Paperback")),
    OptionWords(name="pack", display_name="Pack", field_type=SINGLE, values=("100", "400")),
    OptionWords(name="nib", display_name="Nib", field_type=SINGLE, values=("Fine", "Medium")),
    OptionWords(name="season", display_name="Season", field_type=SINGLE, values=("Spring", "Autumn")),
    OptionWords(name="batch", display_name="Batch", field_type=FREE),
    OptionWords(name="made-in", display_name="Made in", field_type=FREE),
)

CATEGORIES = (
    Category(
        taxons=("Home", "Kitchen"),
        nouns=(("Kettle", 60, 160), ("Teapot", 45, 120), ("Mixing bowl", 25, 70), ("Chopping board", 30, 110)),
        options=("volume", "colour"),
        materials=("Steel", "Stoneware", "Oak"),
    ),
    Category(
        taxons=("Home", "Bedroom"),
        nouns=(("Blanket", 90, 260), ("Pillow case", 25, 60), ("Quilt cover", 110, 280), ("Throw", 80, 220)),
        options=("colour",),
        materials=("Wool", "Cotton", "Linen"),
    ),
    Category(
        taxons=("Home", "Lighting"),
        nouns=(("Desk lamp", 70, 240), ("Pendant", 90, 380), ("Lantern", 35, 90)),
        options=("colour",),
        materials=("Brass", "Steel", "Paper"),
    ),
    Category(
        taxons=("Clothing", "Knitwear"),
        nouns=(("Jumper", 90, 220), ("Cardigan", 110, 260), ("Beanie", 30, 60), ("Socks", 18, 40)),
        options=("colour", "size"),
        materials=("Wool", "Cotton"),
    ),
    Category(
        taxons=("Clothing", "Outdoor"),
        nouns=(("Rain jacket", 140, 420), ("Vest", 90, 210), ("Walking trousers", 80, 190)),
        options=("colour", "size"),
        materials=("Cotton", "Canvas"),
    ),
    Category(
        taxons=("Sport", "Cycling"),
        nouns=(("Pannier", 70, 180), ("Bell", 20, 50), ("Saddle bag", 40, 120), ("Front lamp", 60, 140)),
        options=("colour",),
        materials=("Leather", "Canvas", "Brass"),
    ),
    Category(
        taxons=("Garden", "Tools"),
        nouns=(("Hand fork", 25, 60), ("Secateurs", 40, 110), ("Watering can", 35, 95)),
        materials=("Steel", "Ash", "Brass"),
    ),
    Category(
        taxons=("Garden", "Pots"),
        nouns=(("Planter", 30, 140), ("Hanging pot", 25, 70)),
        options=("colour", "volume"),
        materials=("Stoneware",),
    ),
    Category(
        taxons=("Books", "Stationery"),
        nouns=(("Notebook", 15, 40), ("Fountain pen", 35, 180), ("Writing set", 30, 80)),
        options=("colour",),
        materials=("Paper", "Leather"),
    ),
    Category(
        taxons=("Books", "Patterns"),
        nouns=(("Knitting pattern", 8, 18), ("Sewing pattern", 10, 25), ("Garden plan", 12, 30)),
        is_file=True,
    ),
)

BRANDS = (
    *("Harrow & Pine", "Saltbush", "Quoll", "Merri Creek", "Lighthouse Works", "Tamar", "Banksia Mill", "Old Mint"),
    *("Southerly", "Kelp", "Yarra Bend", "Fable", "Bluestone", "Marram", "Third Street", "Ironbark", "Wren", "Ketch"),
)
ADJECTIVES = ("Classic", "Everyday", "Small", "Large", "Heritage", "Light", "Sturdy", "Folding", "Ribbed", "Plain")
FEATURES = (
    *("Made to be repaired.", "Comes in a paper wrap.", "Two years of warranty.", "Machine washable."),
    *("Carbon-neutral delivery.", "Designed in Melbourne.", "Spare parts for ten years."),
)
MADE_IN = ("Australia", "New Zealand", "Portugal", "Japan", "India")

SHOP_FIRST = (
    *("Kestrel", "Fig", "Copper", "Harbour", "Linden", "Quartz", "Tin", "Hazel", "Northside", "Paper", "Wattle"),
    *("Green", "Juniper", "Magpie", "Salt", "Cedar", "Rook", "Willow", "Amber", "Stone"),
)
SHOP_SECOND = (
    *("Thread", "Lane", "Lantern", "Thistle", "Loom", "Kiln", "Anchor", "Meadow", "Spindle", "Timber", "Oak"),
    *("Wool", "Cup", "Spoke", "Thimble", "Field"),
)
SHOP_TRADES = ("Trading", "Supply", "& Daughters", "Workshop", "Stores", "Collective")

BUYER_FIRST_NAMES = (
    *names.FIRST_NAMES,
    *("Amelia", "Arlo", "Bao", "Chloe", "Dimitri", "Elena", "Finn", "Grace", "Hana", "Isla", "Jun", "Kiri", "Leo"),
    *("Maya", "Nikos", "Olive", "Pia", "Quinn", "Ravi", "Sofia", "Theo", "Uma", "Vikram", "Wanda", "Yusuf", "Zara"),
)
BUYER_SURNAMES = (
    *names.SURNAMES,
    *("Abbott", "Bui", "Costa", "Dawson", "Evans", "Ferrari", "Gupta", "Hughes", "Ivanov", "Jones", "Kaur", "Lee"),
    *("Martin", "Nguyen", "O'Brien", "Park", "Quigley", "Rossi", "Singh", "Tran", "Underwood", "Vella", "Wilson", "Xu"),
)
COMPANIES = ("Fitzroy Dental", "Bright Street School", "Corner Cafe", "Morgan Architects", "Lakeside Clinic")
STREETS = ("Station Street", "High Street", "Church Lane", "Railway Parade", "Victoria Road", "Park Crescent")
#: Name, short name.
STATES = (
    ("New South Wales", "NSW"),
    ("Victoria", "VIC"),
    ("Queensland", "QLD"),
    ("South Australia", "SA"),
    ("Western Australia", "WA"),
    ("Tasmania", "TAS"),
)
#: City, short name of its state, postcode, latitude, longitude.
CITIES = (
    ("Sydney", "NSW", "2000", -33.87, 151.21),
    ("Newcastle", "NSW", "2300", -32.93, 151.78),
    ("Melbourne", "VIC", "3000", -37.81, 144.96),
    ("Geelong", "VIC", "3220", -38.15, 144.36),
    ("Ballarat", "VIC", "3350", -37.56, 143.85),
    ("Brisbane", "QLD", "4000", -27.47, 153.03),
    ("Cairns", "QLD", "4870", -16.92, 145.77),
    ("Adelaide", "SA", "5000", -34.93, 138.6),
    ("Perth", "WA", "6000", -31.95, 115.86),
    ("Hobart", "TAS", "7000", -42.88, 147.33),
)
RETURN_REASONS = (
    *("It is too small.", "It arrived damaged.", "It is another colour than in the picture."),
    *("It is not what I expected.", "I was given one already."),
)
CANCEL_REASONS = ("I ordered it by mistake.", "It takes too long.", "I found it elsewhere.")
DENIALS = ("It was used.", "The time for returns has passed.", "It has a sign of wear.")
#: Name, description and texts of each type of annotations.
ANNOTATIONS = (
    ("Buyer", "What the buyer asks for.", ("The buyer asks for another address.", "Call the buyer about the colour.")),
    ("Parcel", "What is to be sent.", ("Check the stock before packing.", "The carrier has not picked it up.")),
    ("Internal", "What sellers don't see.", ("Waiting for the seller's answer.",)),
    ("Fax", "What came by fax.", ()),
)
