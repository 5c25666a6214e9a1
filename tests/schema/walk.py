"""Documents that select everything, generated from the schema."""

from collections.abc import Iterator
from functools import cache
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_interface_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
    is_required_argument,
    is_required_input_field,
    is_union_type,
)

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.settings import Settings
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.entities.declarations import Relation
from schema.entities.declared import declaration_of
from schema.errors import response_of
from tests.support.operation import Answer

GRAPH = schema._schema
PAGE_ARGUMENTS = {"first", "after", "last", "before"}
#: Any value of each scalar that an input may need.
_SAMPLES: dict[str, Any] = {
    "ID": "SW52b2ljZS0x",
    "String": "x",
    "Int": 1,
    "Float": 1.0,
    "Boolean": True,
    "ISO8601Date": "2021-03-04",
    "ISO8601DateTime": "2021-03-04T00:00:00Z",
    "Decimal": "1",
    "JSON": {},
}


def unlimited(conn: Connection, viewer: Viewer, *, is_rendering: bool = False) -> Context:
    """The context of an operation that may select everything at once."""
    reader = Reader(conn)
    return Context(
        viewer=viewer, reader=reader, loaders=Loaders(reader, viewer), settings=_settings(), is_rendering=is_rendering
    )


@cache
def _settings() -> Settings:
    # Reading them takes longer than most operations.
    return Settings(max_cost=10**12)


async def ask(conn: Connection, document: str, *, viewer: Viewer = OPERATOR, **variables: Any) -> Answer:
    """Run an operation, however much it selects."""
    context = unlimited(conn, viewer)
    result = await schema.execute(document, variable_values=variables, context_value=context)
    response: dict[str, Any] = response_of(result.data, result.errors)
    return Answer(data=response["data"], errors=response.get("errors", []), statements=context.reader.statements)


def object_type(name: str) -> GraphQLObjectType:
    found = GRAPH.type_map[name]
    assert isinstance(found, GraphQLObjectType)
    return found


def selection(named: GraphQLNamedType, depth: int) -> str:
    """Every leaf of a type, and its relations down to `depth` of them; a page counts as one with its rows."""
    if is_union_type(named):
        return "__typename " + " ".join(f"... on {one.name} {{ {selection(one, depth)} }}" for one in named.types)
    if is_interface_type(named):
        return "__typename id"
    assert is_object_type(named)
    return " ".join(["__typename", *_fields(named, depth)])


def documents(type_name: str, depth: int) -> Iterator[str]:
    """Queries of one node that together select everything to this depth: one for each relation of the type."""
    of = object_type(type_name)
    leaves = " ".join(["__typename", *_fields(of, 0)])
    bodies = [selected for name, field in of.fields.items() if (selected := _relation(name, field, depth))]
    for body in [leaves, *bodies]:
        yield f"query($id: ID!) {{ node(id: $id) {{ ... on {type_name} {{ {body} }} }} }}"


def listed(name: str) -> tuple[GraphQLField, str]:
    """A root list, and where its rows are: `nodes { %s }`, or the list itself."""
    field = GRAPH.query_type.fields[name]  # type: ignore[union-attr]
    return field, "totalCount nodes { %s }" if is_page(get_named_type(field.type)) else "%s"


def row_type(field: GraphQLField) -> GraphQLNamedType:
    named = get_named_type(field.type)
    return get_named_type(object_type(named.name).fields["nodes"].type) if is_page(named) else named


def is_page(named: GraphQLNamedType) -> bool:
    return is_object_type(named) and "pageInfo" in named.fields


def filters_of(field: GraphQLField) -> Iterator[tuple[tuple[str, ...], GraphQLInputType]]:
    """Each thing that a list can be asked by: the path from the argument on, and its type."""
    for name, given in field.args.items():
        if name in PAGE_ARGUMENTS | {"sort"}:
            continue
        named = get_named_type(given.type)
        if isinstance(named, GraphQLInputObjectType) and name != "externalId":
            yield from (((name, inner), one.type) for inner, one in named.fields.items())
        else:
            yield (name,), given.type


def sample(wanted: GraphQLInputType) -> Any:
    """The least value that a type accepts."""
    if is_non_null_type(wanted):
        return sample(wanted.of_type)
    if is_list_type(wanted):
        return [sample(wanted.of_type)]
    if is_enum_type(wanted):
        return next(iter(wanted.values))
    if is_input_object_type(wanted):
        return {name: sample(one.type) for name, one in wanted.fields.items() if is_required_input_field(one)}
    return _SAMPLES[wanted.name]  # type: ignore[union-attr]


def call(operation: str, name: str, field: GraphQLField, body: str, **given: Any) -> tuple[str, dict[str, Any]]:
    """One root field with what it requires and what is given; document and variables."""
    required = {arg: sample(one.type) for arg, one in field.args.items() if is_required_argument(one)}
    values = {**required, **given}
    variables = ", ".join(f"${arg}: {field.args[arg].type}" for arg in values)
    arguments = ", ".join(f"{arg}: ${arg}" for arg in values)
    head = f"{operation}({variables})" if values else operation
    return f"{head} {{ {name}{f'({arguments})' if values else ''} {{ {body} }} }}", values


def _fields(of: GraphQLObjectType, depth: int) -> Iterator[str]:
    for name, field in of.fields.items():
        if is_leaf_type(get_named_type(field.type)):
            if not any(is_required_argument(one) for one in field.args.values()):
                yield name
        elif depth and (selected := _relation(name, field, depth)):
            yield selected


def _relation(name: str, field: GraphQLField, depth: int) -> str | None:
    """Return the fields below a relation; None for a leaf."""
    named = get_named_type(field.type)
    if is_leaf_type(named):
        return None
    declared = declaration_of(field)
    if isinstance(declared, Relation) and declared.only:
        # The types that an event may be about have walks of their own.
        depth = min(depth, 2)
    body = selection(row_type(field), depth - 1)
    return f"{name} {{ {f'totalCount nodes {{ {body} }}' if is_page(named) else body} }}"
