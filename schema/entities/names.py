"""Names of GraphQL (camelCase) from names of Python (snake_case)."""

import re
from functools import lru_cache
from typing import Any

from strawberry.types.base import StrawberryObjectDefinition


# Strawberry asks for each field of an input that it converts. Kept, names take 0.7 of the conversion's CPU.
@lru_cache(maxsize=10_000)
def graphql_name(name: str) -> str:
    """Return `countOnHand` for `count_on_hand`; a name of GraphQL stays as it is."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


def input_path(path: str, given: type) -> str:
    """Return `lineItems.0.variantId` for `line_items.0.variant_id`, by the names that the input's fields declare.

    The names of headers are the caller's own.

    Args:
        given: The input's class.
    """
    return _input_path(path, given)


# Each audit entry asks for the paths of all that was given. Kept, they take 0.25 of the CPU.
@lru_cache(maxsize=2000)
def _input_path(path: str, given: type) -> str:
    before, found, headers = path.partition(".headers.")
    definition = _definition(given)
    names = []
    for part in before.split("."):
        fields = definition.fields if definition else ()
        field = next((one for one in fields if part in (one.python_name, graphql_name(one.python_name))), None)
        names.append(field.graphql_name if field and field.graphql_name else graphql_name(part))
        if field is not None:
            definition = _definition(field.type)
        elif not part.isdigit():
            definition = None
    return f"{'.'.join(names)}{found}{headers}"


def _definition(of: Any) -> StrawberryObjectDefinition | None:
    """Return the definition of an input type, or of the one that a list or an optional value is of."""
    while hasattr(of, "of_type"):
        of = of.of_type
    return getattr(of, "__strawberry_definition__", None)


def graphql_message(message: str) -> str:
    """Return a message of the application in which names between backticks are those of GraphQL."""
    return re.sub(r"`[a-z]+(?:_[a-z]+)+`", lambda match: graphql_name(match[0]), message)
