"""Values of an object's leaves, read without resolvers. A page of 1,322 values takes 0.74 of the CPU by it.

graphql-core describes each field to its resolver, and Strawberry describes it again. Leaves need neither: each is an
attribute of the object, or a pure function of it. Whatever is out of the ordinary raises, and is left to graphql-core.
"""

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any

from graphql import FieldNode, GraphQLObjectType, GraphQLSchema, Undefined, get_named_type, is_leaf_type
from graphql.execution.collect_fields import FieldDetailsList
from strawberry.types.field import StrawberryField

from schema.engine.plans.leaves import completer
from schema.engine.unreadable import computed_value, readable
from schema.entities.declarations import Leaf
from schema.entities.declared import declaration_of

#: Returns a leaf's value as the response shows it. Raises if graphql-core has to say what is wrong with it.
LeafReader = Callable[[Any], object]


def leaf_readers(
    schema: GraphQLSchema, parent: GraphQLObjectType, fields: Mapping[str, FieldDetailsList]
) -> dict[str, LeafReader]:
    """Return the readers of those selected fields that have one, by their names in the response."""
    found = ((shown, _reader(schema, parent, details[0].node)) for shown, details in fields.items())
    return {shown: reader for shown, reader in found if reader is not None}


def _reader(schema: GraphQLSchema, parent: GraphQLObjectType, node: FieldNode) -> LeafReader | None:
    return None if node.arguments else _reader_of(schema, parent, node.name.value)


@cache
def _reader_of(schema: GraphQLSchema, parent: GraphQLObjectType, name: str) -> LeafReader | None:
    """Return the reader of a field without arguments; None if it needs its resolver."""
    if name == "__typename":
        return lambda _: parent.name
    field = parent.fields.get(name)
    if field is None or not is_leaf_type(get_named_type(field.type)):
        return None
    if any(one.default is not None or one.default_value is not Undefined for one in field.args.values()):
        return None
    complete = completer(field.type)
    leaf = declaration_of(field)
    declared = field.extensions.get("strawberry-definition")
    if isinstance(leaf, Leaf) and leaf.is_column:
        compute = leaf.compute
        return lambda row: complete(readable(compute(row)))
    if isinstance(leaf, Leaf):
        leaf = leaf.of_schema(schema)
        return lambda row: complete(computed_value(leaf, row, {}))
    if type(declared) is StrawberryField and declared.is_basic_field:
        attribute = attrgetter(declared.python_name)
        return lambda found: complete(_no_error(attribute(found)))
    return None


def _no_error(value: object) -> object:
    """Return the value. Raise one that is an error, as graphql-core does."""
    if isinstance(value, Exception):
        raise value
    return value
