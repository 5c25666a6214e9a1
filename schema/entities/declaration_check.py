"""Check each field's declaration against its table when the schema is built, so that a typo fails at import.

Plans, watched columns and `changed` are derived from the declarations. mypy does not see into them.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import singledispatch
from typing import Any, get_args, get_origin

from graphql import (
    GraphQLEnumType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from app.db.graph import tables as graph_tables
from app.db.table import Table
from app.webhooks.domain.webhook import WebhookKlass
from schema.entities.declarations import ENTITIES, Entity, Leaf, Listing, Lookup, Owner, Relation
from schema.entities.declared import declared_fields

#: Python type of a column → the scalar that shows it as it is.
_SCALARS = {int: "Int", str: "String", bool: "Boolean", float: "Float", datetime: "ISO8601DateTime", Decimal: "Decimal"}


class DeclarationError(Exception):
    """The schema can't be built, because a field's declaration does not fit its table."""


def check_declarations(schema: GraphQLSchema, tables: Mapping[str, Table[object]] | None = None) -> None:
    """Compare the declarations of all fields with their tables, and the names of tables and types with each other.

    Args:
        tables: The tables by name. None: the tables of the graph.

    Raises:
        DeclarationError: One sentence for each wrong declaration, which names it as `Type.field`.
    """
    tables = graph_tables() if tables is None else tables
    if problems := [*_graph_problems(tables), *_field_problems(schema, tables)]:
        raise DeclarationError("\n".join(problems))


def _graph_problems(tables: Mapping[str, Table[object]]) -> Iterator[str]:
    for table in tables.values():
        if table.type_name and (table.type_name not in ENTITIES or ENTITIES[table.type_name].table is not table):
            yield f"The table {table.name}: its rows are called {table.type_name}, which is no type over them."
    subscribable = {table.type_name for table in tables.values() if table.is_subscribable}
    named = {klass.entity_type for klass in WebhookKlass}
    yield from (f"WebhookKlass: no table is subscribable as {name}." for name in sorted(named - subscribable))
    yield from (f"WebhookKlass: it has no member for {name}." for name in sorted(subscribable - named))


def _field_problems(schema: GraphQLSchema, tables: Mapping[str, Table[object]]) -> Iterator[str]:
    for name, kind in schema.type_map.items():
        if not isinstance(kind, GraphQLObjectType):
            continue
        entity = ENTITIES.get(name)
        if entity is not None and tables.get(entity.table.name) is not entity.table:
            yield f"{name}: its table {entity.table.name} is not in the graph, so its changes would not be recorded."
        for field, declaration in declared_fields(kind):
            at = f"{name}.{field}"
            yield from (f"{at}: {problem}" for problem in _of(declaration, entity, kind.fields[field].type))


@singledispatch
def _of(declaration: object, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    """List the problems of one declaration, as sentences."""
    raise AssertionError(f"{declaration!r} is no declaration")


@_of.register
def _of_leaf(leaf: Leaf, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    if entity is None:
        yield "it reads columns, but its type is not declared as an entity."
        return
    missing = list(_missing(entity.table, *leaf.reads))
    yield from missing
    if leaf.is_column and not missing:
        yield from _column_problems(entity.table, leaf.reads[0], type_)
    if leaf.id_of and (leaf.id_of not in ENTITIES or ENTITIES[leaf.id_of].table is not entity.table):
        yield f"it gives ids of {leaf.id_of}, which is no type over {entity.table.name}."


@_of.register
def _of_relation(relation: Relation, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    if entity is None:
        yield "it is a relation, but its type is not declared as an entity."
        return
    if relation.of is not entity.table:
        of = "no table" if relation.of is None else relation.of.name
        yield f"it is a relation of rows of {of}, but {entity.name} shows rows of {entity.table.name}."
        return
    yield from _missing(relation.target, *relation.filters, *relation.decides)
    yield from _missing(entity.table, *(relation.only or ())[:1])
    if not relation.is_list and entity.table.kind(relation.local)[1] and isinstance(type_, GraphQLNonNull):
        yield f"it must be nullable, because {entity.table.name}.{relation.local} may be null."
    yield from _target_problems(relation, type_)


@_of.register
def _of_owner(owner: Owner, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    if entity is None:
        yield "it leads to an owner, but its type is not declared as an entity."
        return
    yield from _missing(entity.table, owner.type_column, owner.local)
    yield from (f"it leads to {name}, which is no entity." for name in owner.types if name not in ENTITIES)


@_of.register
def _of_listing(listing: Listing, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    named = _shown(type_, is_list=True, is_paged=not listing.is_whole)
    if isinstance(named, str):
        yield named
    else:
        yield from _over(listing.target, named)


@_of.register
def _of_lookup(lookup: Lookup, entity: Entity | None, type_: GraphQLOutputType) -> Iterator[str]:
    if lookup.type is not None and lookup.type not in ENTITIES:
        yield f"it finds a {lookup.type}, which is no entity."


def _missing(table: Table[object], *columns: str) -> Iterator[str]:
    for column in columns:
        if column != "*" and not table.has(column):
            yield f"the table {table.name} has no column {column}."


def _target_problems(relation: Relation, type_: GraphQLOutputType) -> Iterator[str]:
    """Check that the field's type shows rows of the target: one row, a list or a connection, as declared."""
    if relation.classify is not None and is_leaf_type(get_named_type(type_)):
        return
    named = _shown(type_, is_list=relation.is_list, is_paged=relation.is_paged)
    if isinstance(named, str):
        yield named
    else:
        yield from _over(relation.target, named)


def _shown(type_: GraphQLOutputType, *, is_list: bool, is_paged: bool) -> GraphQLNamedType | str:
    """Return the type of the rows that a field shows; a sentence when the field does not have the declared form."""
    nullable, named = _nullable(type_), get_named_type(type_)
    nodes = named.fields.get("nodes") if isinstance(named, GraphQLObjectType) and "edges" in named.fields else None
    if is_paged:
        return (
            get_named_type(nodes.type) if nodes is not None else f"it has pages, but its type {type_} is no connection."
        )
    if is_list != isinstance(nullable, GraphQLList) or nodes is not None:
        return f"it leads to {'a list' if is_list else 'one row'}, but its type is {type_}."
    return named


def _over(table: Table[object], named: GraphQLNamedType) -> Iterator[str]:
    members = named.types if isinstance(named, GraphQLUnionType) else (named,)
    for member in members:
        entity = ENTITIES.get(member.name)
        if entity is None or entity.table is not table:
            yield f"it leads to rows of {table.name}, but {member.name} is no type over them."


def _column_problems(table: Table[object], column: str, type_: GraphQLOutputType) -> Iterator[str]:
    kind, may_be_null = table.kind(column)
    if may_be_null and isinstance(type_, GraphQLNonNull):
        yield f"it must be nullable, because {table.name}.{column} may be null."
    if not _fits(kind, _nullable(type_)):
        yield f"its type is {type_}, but {table.name}.{column} is {_named(kind)}."


def _fits(kind: Any, type_: GraphQLOutputType) -> bool:
    if get_origin(kind) is tuple:
        return isinstance(type_, GraphQLList) and _fits(get_args(kind)[0], _nullable(type_.of_type))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return isinstance(type_, GraphQLEnumType) and _enum_of(type_) is kind
    return getattr(type_, "name", None) == _SCALARS.get(kind, "")


def _enum_of(type_: GraphQLEnumType) -> type[Enum] | None:
    definition = type_.extensions.get("strawberry-definition")
    return None if definition is None else definition.wrapped_cls


def _nullable(type_: GraphQLOutputType) -> Any:
    return type_.of_type if isinstance(type_, GraphQLNonNull) else type_


def _named(kind: Any) -> str:
    name: str = getattr(kind, "__name__", str(kind)) if get_origin(kind) is None else str(kind)
    return name
