"""Validating a delivered body against its webhook's JSON Schema, by another's code."""

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
