"""Nine in ten fields of Marketplacer's business types exist here, and the docs list all others."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from graphql import GraphQLObjectType

from schema import schema

#: Fields by type, without those that are deprecated there.
FIELDS = Path(__file__).with_name("fields.txt")
DOCS = Path("app/docs/coming-from-marketplacer.md")
#: What these types are about is sold, paid and refunded in the same way on both sides.
BUSINESS = (
    "Invoice",
    "LineItem",
    "InvoiceAmendment",
    "InvoiceAmendmentLineItem",
    "RefundRequest",
    "RefundRequestLineItem",
    "Shipment",
    "ReturnShipment",
    "Order",
)


def _listed() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in FIELDS.read_text().split():
        if word.endswith(":"):
            found[word[:-1]] = []
        else:
            found[[*found][-1]].append(word)
    return found


LISTED = _listed()


def missing(name: str) -> list[str]:
    type_ = schema._schema.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    return [field for field in LISTED[name] if field not in type_.fields]


@pytest.mark.parametrize("name", BUSINESS)
def test_a_business_type_has_nine_fields_in_ten(name: str) -> None:
    found = len(LISTED[name]) - len(missing(name))

    assert found / len(LISTED[name]) >= 0.9, missing(name)


def test_the_docs_list_what_is_left_out() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", DOCS.read_text(), re.MULTILINE)
    told: dict[str, set[str]] = {}
    for name, fields in rows:
        if name in LISTED:
            told.setdefault(name, set()).update(re.findall(r"`(\w+)`", fields))

    assert told == {name: set(missing(name)) for name in LISTED if missing(name)}
