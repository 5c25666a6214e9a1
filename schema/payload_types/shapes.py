"""The types of a body between its JSON Schema and their text: objects with names, and what their fields may be."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.kernel.parsed_json import JsonObject, ParsedJson


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The values that a field may have: any of the members. Without members it may have any.

    Attributes:
        scalars: Names of scalars: boolean, integer, number, string, date, date-time.
        constants: Texts, true or false.
        objects: Names of declared objects.
        element: The shape of a list's elements; None: it is no list.
    """

    scalars: tuple[str, ...] = ()
    constants: tuple[str | bool, ...] = ()
    objects: tuple[str, ...] = ()
    element: "Shape | None" = None
    is_nullable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field of an object. An optional one may be absent."""

    name: str
    shape: Shape
    is_optional: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredObject:
    """An object type. `is_closed`: there are no other fields than these."""

    name: str
    fields: tuple[Field, ...]
    is_closed: bool


def declare(json_schema: JsonObject, name: str) -> list[DeclaredObject]:
    """Return the object types of a schema, each after those that it uses; the last one is the whole body.

    Args:
        json_schema: As schema/stored/json_schema.py writes it.
        name: The name of the body's type. Those of its parts begin with it, so that several bodies fit into one file.
    """
    declarations = _Declarations(json_schema, name)
    declarations.object(json_schema, "")
    return declarations.found


def pascal_case(text: str) -> str:
    """Return a name for a type: `ERP invoices (new)` gives `ErpInvoicesNew`. A name never begins with a digit."""
    words = re.findall(r"[A-Za-z0-9]+", text)
    made = "".join(word[:1].upper() + (word[1:].lower() if word.isupper() else word[1:]) for word in words)
    return made if made and not made[0].isdigit() else f"Webhook{made}"


class _Declarations:
    def __init__(self, root: JsonObject, prefix: str) -> None:
        self._root = root
        self._prefix = prefix
        self._defined: dict[str, str] = {}
        self.found: list[DeclaredObject] = []

    def shape(self, given: JsonObject, name: str) -> Shape:
        """Return the shape of a value; `name` is for an object that the schema gives no title."""
        if "$ref" in given:
            key = str(given["$ref"]).rsplit("/", 1)[1]
            if key not in self._defined:
                self._defined[key] = self.object(self._root["$defs"][key], key)
            return Shape(objects=(self._defined[key],))
        if "anyOf" in given:
            return _union([self.shape(one, name) for one in given["anyOf"]])
        if "const" in given or "enum" in given:
            values: Sequence[ParsedJson] = given.get("enum", [given.get("const")])
            return Shape(
                constants=tuple(one for one in values if isinstance(one, str | bool)), is_nullable=None in values
            )
        named = given.get("type", [])
        kinds = [named] if isinstance(named, str) else named
        is_nullable = "null" in kinds
        kind = next((one for one in kinds if one != "null"), None)
        if kind == "object":
            return Shape(objects=(self.object(given, name),), is_nullable=is_nullable)
        if kind == "array":
            return Shape(element=self.shape(given["items"], name), is_nullable=is_nullable)
        return Shape(scalars=() if kind is None else (str(given.get("format", kind)),), is_nullable=is_nullable)

    def object(self, given: JsonObject, name: str) -> str:
        """Declare an object and return its name. Equal objects of the same name are one."""
        wanted = self._prefix + pascal_case(given["title"] if "title" in given and name else name) if name else ""
        fields = tuple(
            Field(
                name=key,
                shape=self.shape(below, f"{name} {key}" if not self._is_titled(given, name) else key),
                is_optional=key not in given["required"],
            )
            for key, below in given["properties"].items()
        )
        number = 1
        while True:
            called = (wanted or self._prefix) + ("" if number == 1 else str(number))
            made = DeclaredObject(
                name=called, fields=fields, is_closed=given.get("additionalProperties", True) is False
            )
            same = next((one for one in self.found if one.name == called), None)
            if same is None:
                self.found.append(made)
            if same in (None, made):
                return called
            number += 1

    def _is_titled(self, given: JsonObject, name: str) -> bool:
        return not name or "title" in given


def _union(shapes: Sequence[Shape]) -> Shape:
    elements = [one.element for one in shapes if one.element is not None]
    return Shape(
        scalars=tuple(dict.fromkeys(name for one in shapes for name in one.scalars)),
        constants=tuple(dict.fromkeys(value for one in shapes for value in one.constants)),
        objects=tuple(dict.fromkeys(name for one in shapes for name in one.objects)),
        element=_union(elements) if elements else None,
        is_nullable=any(one.is_nullable for one in shapes),
    )
