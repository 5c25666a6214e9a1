"""How large a schema is as introspection shows it, in the mean: what its lists count when a cost is computed."""

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
    """`totals`: by a field's name, how many values or rows it has in the whole schema, and for how many owners.

    largest  how many fields the type with the most has.
    """

    totals: dict[str, tuple[int, int]]
    largest: int

    def rows(self, name: str, each: int) -> int:
        """What the rows of a list cost that cost `each`. In whole numbers: nested fragments can reach any."""
        rows, owners = self.totals.get(name, (1, 1))
        return -(-rows * each // owners)

    def of_largest(self, each: int) -> int:
        """What a type costs that may be the largest, where the mean one costs `each`."""
        fields, types = self.totals["fields"]
        return -(-self.largest * types * each // fields)


@lru_cache(maxsize=4)
def introspection_sizes(schema: GraphQLSchema) -> IntrospectionSizes:
    """Count once."""
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
    """How many types have one inside, as `[Int!]!` has three times, and how many there are in all."""
    wrappers = 0
    for each in declared:
        while isinstance(each, GraphQLNonNull | GraphQLList):
            wrappers, each = wrappers + 1, each.of_type
    return wrappers, wrappers + len(declared)


def _fields(named: GraphQLNamedType) -> list[Any]:
    return list(getattr(named, "fields", {}).values())
