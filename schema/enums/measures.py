"""The GraphQL enum of the units in which goods are measured."""

from app.marketplace.catalogue.domain.measure import MeasureUnit
from schema.enums.describe import describe_enum

# As in marketplace.py, the GraphQL name is the domain's enumeration itself.
ComparableUnitEnum = MeasureUnit
describe_enum(
    MeasureUnit,
    "ComparableUnitEnum",
    "A unit in which goods are measured.",
    {
        "MM": "Millimetre.",
        "CM": "Centimetre.",
        "M": "Metre.",
        "MG": "Milligram.",
        "G": "Gram.",
        "KG": "Kilogram.",
        "ML": "Millilitre.",
        "CL": "Centilitre.",
        "L": "Litre.",
        "KL": "Kilolitre.",
        "SQM": "Square metre.",
        "PACK": "Pack.",
        "SHEET": "Sheet.",
        "EACH": "Piece.",
        "MI": "Mile.",
        "YD": "Yard.",
        "FT": "Foot.",
        "IN": "Inch.",
        "LB": "Pound.",
        "OZ": "Ounce.",
        "GAL": "Gallon.",
        "QT": "Quart.",
        "PT": "Pint.",
        "C": "Cup.",
        "FL_OZ": "Fluid ounce.",
        "TBSP": "Tablespoon.",
        "TSP": "Teaspoon.",
    },
)
