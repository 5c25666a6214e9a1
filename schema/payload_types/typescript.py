"""TypeScript interfaces of a webhook's body.

json-schema-to-typescript does this where node is. The server has no node, and the schemas of bodies use a dozen
keywords only, so that these few lines do the same.
"""

import json
from collections.abc import Sequence
from typing import Final

from schema.payload_types.shapes import DeclaredObject, Field, Shape

_SCALARS: Final = {"integer": "number", "number": "number", "boolean": "boolean"}


def print_typescript(declared: Sequence[DeclaredObject]) -> str:
    """Return the text of a module that exports an interface for each object."""
    return "\n".join(map(_interface, declared))


def _interface(declared: DeclaredObject) -> str:
    if not declared.fields:
        return f"export type {declared.name} = Record<string, never>;\n"
    return f"export interface {declared.name} {{\n{''.join(map(_field, declared.fields))}}}\n"


def _field(field: Field) -> str:
    return f"  {field.name}{'?' if field.is_optional else ''}: {_type(field.shape)};\n"


def _type(shape: Shape) -> str:
    members = [
        *(_SCALARS.get(name, "string") for name in shape.scalars),
        *map(json.dumps, shape.constants),
        *shape.objects,
    ]
    if shape.element is not None:
        members.append(f"Array<{_type(shape.element)}>")
    if not members:
        return "unknown"
    return " | ".join([*dict.fromkeys(members), *(["null"] if shape.is_nullable else [])])
