"""Validating a delivered body against its webhook's JSON Schema, by another's code."""

import random
from collections.abc import Callable
from datetime import datetime
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_date_time(value: object) -> bool:
    """RFC 3339: with a zone."""
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


Check = Callable[[Any], list[str]]


def check_of(json_schema: dict[str, Any]) -> Check:
    """A function that tells what is wrong with an instance, each with its place; the schema itself has to be one."""
    Draft202012Validator.check_schema(json_schema)
    validator = Draft202012Validator(json_schema, format_checker=_FORMATS)
    return lambda instance: [f"{error.json_path}: {error.message}" for error in validator.iter_errors(instance)]


def faults(json_schema: dict[str, Any], instance: Any) -> list[str]:
    """The same for one instance alone."""
    return check_of(json_schema)(instance)


#: Keyword → the type that a schema with it must name.
_KEYWORDS = {
    "additionalProperties": "object",
    "properties": "object",
    "required": "object",
    "items": "array",
    "minItems": "array",
    "format": "string",
    "minimum": "integer",
    "maximum": "integer",
}
_OF_ANY_TYPE = {"$schema", "$defs", "$ref", "title", "type", "enum", "const", "anyOf"}


def loose_places(json_schema: dict[str, Any], at: str = "$") -> list[str]:
    """Return each place that strict validators, such as ajv, refuse.

    These are unknown keywords, keywords that the type does not have, several types (except with null), and properties
    that are required but not defined.
    """
    kinds = json_schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found = [f"{at}: {kinds}"] if len({*kinds} - {"null"}) > 1 else []
    found += [f"{at}: {name}" for name in json_schema.keys() - _OF_ANY_TYPE if _KEYWORDS.get(name) not in kinds]
    properties = json_schema.get("properties", {})
    found += [f"{at}: required {name}" for name in json_schema.get("required", []) if name not in properties]
    below = {f".{name}": shape for name, shape in properties.items()}
    below |= {f"|{place}": shape for place, shape in enumerate(json_schema.get("anyOf", []))}
    below |= {f"#{name}": shape for name, shape in json_schema.get("$defs", {}).items()}
    if "items" in json_schema:
        below["[]"] = json_schema["items"]
    return [*found, *(place for part, shape in below.items() for place in loose_places(shape, at + part))]


_TEXTS = {"date-time": ["2026-11-27T00:00:00Z"], "date": ["2026-11-27"], "": ["x", "", "PAID", "2026-11-27T00:00:00Z"]}


def instance(shape: dict[str, Any], chance: random.Random, defined: dict[str, Any] | None = None) -> Any:
    """A value that a body's JSON Schema allows, at random."""
    defined = shape.get("$defs", defined)
    if "$ref" in shape:
        return instance((defined or {})[shape["$ref"].rsplit("/", 1)[1]], chance, defined)
    if "anyOf" in shape:
        return instance(chance.choice(shape["anyOf"]), chance, defined)
    if "const" in shape:
        return shape["const"]
    if "enum" in shape:
        return chance.choice(shape["enum"])
    kinds = shape.get("type", ["string", "integer", "boolean", "null"])
    kind = chance.choice([kinds] if isinstance(kinds, str) else kinds)
    if kind == "object":
        given = [name for name in shape["properties"] if name in shape["required"] or chance.random() < 0.5]
        return {name: instance(shape["properties"][name], chance, defined) for name in given}
    if kind == "array":
        least = shape.get("minItems", 0)
        return [instance(shape["items"], chance, defined) for _ in range(least + chance.randrange(3))]
    if kind == "string":
        return chance.choice(_TEXTS[shape.get("format", "")])
    number = max(shape.get("minimum", -2), chance.choice([-2, 0, 1, 7]))
    return {"null": None, "boolean": chance.random() < 0.5, "integer": number, "number": 1.5}[kind]
