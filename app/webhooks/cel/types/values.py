"""Sets of values that an expression may have, from JSON Schemas and literals. Pure.

A set is never too small: what is not known may be anything. Then a check can refuse nothing that might be true.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from app.kernel.parsed_json import JsonObject, ParsedJson


class Kind(Enum):
    """A kind of value, with its words for messages. True and false are kinds of their own."""

    NULL = "null"
    TRUE = "true"
    FALSE = "false"
    NUMBER = "a number"
    TEXT = "text"
    BYTES = "bytes"
    LIST = "a list"
    MAP = "an object"
    TIMESTAMP = "a timestamp"
    DURATION = "a duration"
    TYPE = "a type"


BOOLEANS: Final = frozenset({Kind.TRUE, Kind.FALSE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A set of values. Without kinds there is none: the expression fails.

    Attributes:
        texts: All texts among them; None: any.
        elements: The elements of the lists among them; None: anything.
        objects: JSON Schemas of the objects among them, which have no other fields; None: any object.
    """

    kinds: frozenset[Kind]
    texts: frozenset[str] | None = None
    elements: "Values | None" = None
    objects: tuple[JsonObject, ...] | None = None

    def field(self, name: str) -> "Values":
        """Return what a field of the objects may be; no values if none of them has it."""
        if Kind.MAP not in self.kinds:
            return NOTHING
        if self.objects is None:
            return ANYTHING
        shapes = [one["properties"][name] for one in self.objects if name in one["properties"]]
        return union(values_of_schema(shape) for shape in shapes)

    def field_names(self) -> list[str]:
        """Return the names of all fields of the objects that are known."""
        return list(dict.fromkeys(name for one in self.objects or () for name in one["properties"]))

    def may_equal(self, other: "Values") -> bool:
        """Return whether a value of the one may equal a value of the other. Numbers of different types may."""
        common = self.kinds & other.kinds
        if common != {Kind.TEXT} or self.texts is None or other.texts is None:
            return bool(common)
        return not self.texts.isdisjoint(other.texts)

    def described(self) -> str:
        """Describe the values in a few words, such as `a number or null`."""
        kinds = self.kinds - BOOLEANS if self.kinds >= BOOLEANS else self.kinds
        words = [kind.value for kind in Kind if kind in kinds and kind is not Kind.NULL]
        if self.kinds >= BOOLEANS:
            words.insert(0, "true or false")
        return " or ".join([*words, *(["null"] if Kind.NULL in self.kinds else [])])


NOTHING: Final = Values(kinds=frozenset())
ANYTHING: Final = Values(kinds=frozenset(Kind))
BOOLEAN: Final = Values(kinds=BOOLEANS)
NUMBER: Final = Values(kinds=frozenset({Kind.NUMBER}))
TEXT: Final = Values(kinds=frozenset({Kind.TEXT}))
_WORDS: Final = {"true": True, "false": False, "null": None}
_KINDS: Final[dict[str, frozenset[Kind]]] = {
    "null": frozenset({Kind.NULL}),
    "boolean": BOOLEANS,
    "integer": NUMBER.kinds,
    "number": NUMBER.kinds,
    "string": TEXT.kinds,
    "array": frozenset({Kind.LIST}),
    "object": frozenset({Kind.MAP}),
}


def of_kinds(*kinds: Kind) -> Values:
    """Return all values of these kinds."""
    return Values(kinds=frozenset(kinds))


def list_of(elements: Iterable[Values]) -> Values:
    """Return the lists that have these elements."""
    return Values(kinds=frozenset({Kind.LIST}), elements=union(elements))


def constant(value: ParsedJson) -> Values:
    """Return the set of one text, boolean, null or number."""
    if isinstance(value, str):
        return Values(kinds=TEXT.kinds, texts=frozenset({value}))
    if isinstance(value, bool):
        return of_kinds(Kind.TRUE if value else Kind.FALSE)
    return of_kinds(Kind.NULL) if value is None else NUMBER


def literal(text: str) -> Values:
    """Return the set of the value that a literal of an expression has."""
    if text in _WORDS:
        return constant(_WORDS[text])
    if text[0] not in "rR'\"":
        return NUMBER
    quoted = text.lstrip("rR")
    width = 3 if quoted[:3] in ('"""', "'''") else 1
    # Escapes are not decoded: such a text may be any.
    return TEXT if "\\" in quoted else constant(quoted[width:-width])


def union(sets: Iterable[Values]) -> Values:
    """Return the values of all sets together."""
    given = [one for one in sets if one.kinds]
    if len(given) < 2:
        return given[0] if given else NOTHING
    texts = [one.texts for one in given if Kind.TEXT in one.kinds]
    elements = [one.elements for one in given if Kind.LIST in one.kinds]
    objects = [one.objects for one in given if Kind.MAP in one.kinds]
    known = [shape for shapes in objects for shape in shapes or ()]
    return Values(
        kinds=frozenset[Kind]().union(*(one.kinds for one in given)),
        texts=None if None in texts else frozenset[str]().union(*(one for one in texts if one is not None)),
        elements=None if None in elements else union(one for one in elements if one is not None),
        objects=None if None in objects else tuple({id(shape): shape for shape in known}.values()),
    )


def values_of_schema(shape: JsonObject) -> Values:
    """Return the values that a JSON Schema allows, of the form that schema/stored/json_schema.py writes."""
    if "anyOf" in shape:
        return union(values_of_schema(one) for one in shape["anyOf"])
    if "const" in shape:
        return constant(shape["const"])
    if "enum" in shape:
        return union(constant(one) for one in shape["enum"])
    named = shape.get("type")
    if named is None:
        return ANYTHING
    names = [named] if isinstance(named, str) else named
    return Values(
        kinds=frozenset[Kind]().union(*(_KINDS[name] for name in names)),
        elements=values_of_schema(shape["items"]) if "items" in shape else None,
        objects=(shape,) if "properties" in shape else None,
    )
