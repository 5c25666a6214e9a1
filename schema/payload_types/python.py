"""Pydantic models of a webhook's body.

datamodel-code-generator does this too, but brings a formatter, a template engine and a parser of its own: too much for
the server's dependencies. The schemas of bodies use a dozen keywords only.
"""

import keyword
from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel

from schema.payload_types.shapes import DeclaredObject, Field, Shape

#: The first lines of each text. A file of several bodies needs them once.
HEADER: Final = """\
from datetime import date
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
"""
_SCALARS: Final = {
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "date": "date",
    "date-time": "AwareDatetime",
}
#: Names that a model needs for itself, and those of the types that its annotations name.
_TAKEN: Final = frozenset({*dir(BaseModel), "date"})


def print_python(declared: Sequence[DeclaredObject]) -> str:
    """Return the text of a module that has a model for each object, after the models that it uses."""
    return "\n\n".join([HEADER, *map(_model, declared)])


def _model(declared: DeclaredObject) -> str:
    extra = ', extra="forbid"' if declared.is_closed else ""
    lines = [f"    model_config = ConfigDict(populate_by_name=True{extra})\n"]
    taken: set[str] = set()
    for field in declared.fields:
        name = _attribute(field.name, taken)
        taken.add(name)
        lines.append(f"    {name}: {_annotation(field)}{_default(field, name)}\n")
    return f"class {declared.name}(BaseModel):\n{''.join(lines)}"


def _attribute(name: str, taken: set[str]) -> str:
    """Return a name for an attribute. Pydantic takes none that begins with an underscore or is its own."""
    made = name.lstrip("_") or "field"
    if made[0].isdigit():
        made = f"field_{made}"
    while made in taken or made in _TAKEN or keyword.iskeyword(made) or made.startswith("model_"):
        made = f"field_{made}" if made.startswith("model_") else f"{made}_"
    return made


def _annotation(field: Field) -> str:
    annotation = _type(field.shape)
    is_none_missing = field.is_optional and not field.shape.is_nullable and annotation != "Any"
    return f"{annotation} | None" if is_none_missing else annotation


def _default(field: Field, name: str) -> str:
    if name != field.name:
        default = "default=None, " if field.is_optional else ""
        return f' = Field({default}alias="{field.name}")'
    return " = None" if field.is_optional else ""


def _type(shape: Shape) -> str:
    members = [_SCALARS.get(name, "str") for name in shape.scalars]
    if shape.constants:
        members.append(f"Literal[{', '.join(map(repr, shape.constants))}]")
    members += shape.objects
    if shape.element is not None:
        members.append(f"list[{_type(shape.element)}]")
    if not members:
        return "Any"
    return " | ".join([*dict.fromkeys(members), *(["None"] if shape.is_nullable else [])])
