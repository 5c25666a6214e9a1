"""Mean sizes of the lists of introspection. They are used for the cost of introspecting queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from graphql import (
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLSchema,
    GraphQLType,
    is_abstract_type,
    is_input_object_type,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionSizes:
    """Mean sizes of a schema's introspection lists.

    Args:
        totals: By the name of a list, its rows in the whole schema and the number of owners of such a list.
        largest: The number of fields of the type with the most fields.
    """

    totals: dict[str, tuple[int, int]]
    largest: int

    def rows(self, name: str, each: int) -> int:
        """Return the cost of a list whose rows cost `each`. Integers, because nested fragments reach any size."""
        rows, owners = self.totals.get(name, (1, 1))
        return -(-rows * each // owners)

    def of_largest(self, each: int) -> int:
        """Return the upper bound for `__type`: the mean cost scaled to the type with the most fields."""
        fields, types = self.totals["fields"]
        return -(-self.largest * types * each // fields)


@lru_cache(maxsize=4)
def introspection_sizes(schema: GraphQLSchema) -> IntrospectionSizes:
    """Return the sizes of a schema, which are counted once."""
    types = list(schema.type_map.values())
    inputs = [each for each in types if is_input_object_type(each)]
    fields = [_fields(each) for each in types if not is_input_object_type(each)]
    arguments = [argument for each in fields for field in each for argument in field.args.values()]
    inputs_of = [field for each in inputs for field in _fields(each)]
    members = sum(len(schema.get_possible_types(each)) for each in types if is_abstract_type(each))
    return IntrospectionSizes(
        totals={
            "types": (len(types), 1),
            "directives": (len(schema.directives), 1),
            "fields": (sum(map(len, fields)), len(types)),
            "args": (len(arguments), sum(map(len, fields))),
            "inputFields": (len(inputs_of), len(types)),
            "enumValues": (sum(len(getattr(each, "values", ())) for each in types), len(types)),
            "interfaces": (sum(len(getattr(each, "interfaces", ())) for each in types), len(types)),
            "possibleTypes": (members, len(types)),
            "ofType": _wrapped([field.type for each in fields for field in each] + [each.type for each in arguments]),
        },
        largest=max(map(len, fields)),
    )


def _wrapped(declared: Sequence[GraphQLType]) -> tuple[int, int]:
    """Count the types that wrap another one (`[Int!]!` has three of them), and all types."""
    wrappers = 0
    for each in declared:
        while isinstance(each, GraphQLNonNull | GraphQLList):
            wrappers, each = wrappers + 1, each.of_type
    return wrappers, wrappers + len(declared)


def _fields(named: GraphQLNamedType) -> list[Any]:
    return list(getattr(named, "fields", {}).values())
