"""The declared types as a graph: the relations that lead from an entity to a table."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)

from schema.entities.declarations import ENTITIES, Declaration, Leaf, Relation
from schema.entities.declared import declared_fields
from schema.stored.watched import relation_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One relation on the way from an entity to a table, and the type that it leads to. label: as in `Relation`."""

    field: str
    is_list: bool
    type: str
    label: str


@cache
def entity_of_table(table: str) -> str:
    """Return the type of a table's rows: the first one that is declared over the table."""
    return next(name for name, found in ENTITIES.items() if found.table.name == table)


@cache
def path_to(
    schema: GraphQLSchema, entity_type: str, table: str, lists: int, way: tuple[str, ...] = ()
) -> tuple[Step, ...] | None:
    """Return the relations from an entity to a table that cross `lists` lists: along `way`, else the shortest path.

    None if there are none: the schema does not show this table, or this row of it, below this entity.
    """
    return _along(schema, entity_type, lists, way) if way else _shortest(schema, entity_type, table, lists)


def _along(schema: GraphQLSchema, entity_type: str, lists: int, way: tuple[str, ...]) -> tuple[Step, ...] | None:
    """Return the relations along a way.

    Args:
        way: Tables. If several keys lead to a table, its name is followed by the key's
            (`addresses.shipping_address_id`).
    """
    steps: list[Step] = []
    for place in way:
        table, _, label = place.partition(".")
        current = steps[-1].type if steps else entity_type
        step = next((step for to, step in _steps(schema, current) if to == table and label in ("", step.label)), None)
        if step is None:
            return None
        steps.append(step)
    # The last id is the row's own. Only lists have ids in their paths.
    wanted = lists if steps[-1].is_list else lists - 1
    return tuple(steps) if sum(step.is_list for step in steps) == wanted else None


def _shortest(schema: GraphQLSchema, entity_type: str, table: str, lists: int) -> tuple[Step, ...] | None:
    queue: deque[tuple[str, tuple[Step, ...]]] = deque([(entity_type, ())])
    seen = {entity_type}
    while queue:
        current, path = queue.popleft()
        for to, step in _steps(schema, current):
            steps = (*path, step)
            if to == table and sum(step.is_list for step in steps) in (0, lists):
                return steps
            if step.type not in seen:
                seen.add(step.type)
                queue.append((step.type, steps))
    return None


def _steps(schema: GraphQLSchema, entity_type: str) -> Iterator[tuple[str, Step]]:
    """List the relations of a type with their tables, except those that are computed to a value."""
    graphql_type = schema.type_map[entity_type]
    assert isinstance(graphql_type, GraphQLObjectType)
    for name, declaration in declared_fields(graphql_type):
        if isinstance(declaration, Relation) and not is_leaf_type(get_named_type(graphql_type.fields[name].type)):
            table = declaration.target.name
            yield (
                table,
                Step(
                    field=name,
                    is_list=declaration.is_list,
                    type=entity_of_table(table),
                    label=declaration.label,
                ),
            )


@cache
def fields_reading(schema: GraphQLSchema, entity_type: str, column: str) -> tuple[str, ...]:
    """List the fields of a type that show a column of its table, in the schema's order."""
    graphql_type = schema.type_map[entity_type]
    assert isinstance(graphql_type, GraphQLObjectType)
    return tuple(name for name, declaration in declared_fields(graphql_type) if column in _own_columns(declaration))


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivedField:
    """A field that is computed from related rows, for example `lowestPrice`.

    Args:
        columns: The columns of those rows that it depends on.
        is_value: It is a value over rows, so that adding and removing a row changes it, too.
    """

    field: str
    columns: frozenset[str]
    is_value: bool


@cache
def fields_deciding(schema: GraphQLSchema, entity_type: str, table: str) -> tuple[DerivedField, ...]:
    """List the fields of a type whose value depends on rows of `table`.

    They are values over rows (`lowestPrice`), a row that is chosen by a condition (`advert`), the same row as another
    type (`price`), and lists with a condition (`images`).
    """
    graphql_type = schema.type_map[entity_type]
    assert isinstance(graphql_type, GraphQLObjectType)
    found = []
    for name, declaration in declared_fields(graphql_type):
        if isinstance(declaration, Relation) and declaration.target.name == table:
            named = get_named_type(graphql_type.fields[name].type)
            columns = _deciding_columns(ENTITIES[entity_type].table.name, declaration, named)
            found.append(DerivedField(field=name, columns=columns, is_value=is_leaf_type(named)))
    return tuple(found)


def _deciding_columns(own_table: str, relation: Relation, named: GraphQLNamedType) -> frozenset[str]:
    """Return the columns of the relation's target that decide its value.

    For a plain list these are the columns of its condition only, because its rows have paths of their own.
    """
    if relation.is_list and not is_leaf_type(named):
        return frozenset(relation.filters)
    target = relation.target.name
    read = (one.split(".") for one in relation_columns(own_table, relation))
    columns = frozenset(column for table, column in read if table == target)
    is_same_row = target == own_table and relation.local == relation.remote
    return columns | _leaf_columns(named) if is_same_row else columns


def _leaf_columns(of: GraphQLNamedType) -> frozenset[str]:
    """Return the columns that the leaves of a type read."""
    declared = declared_fields(of) if isinstance(of, GraphQLObjectType) else ()
    return frozenset(column for _, one in declared if isinstance(one, Leaf) for column in one.reads)


@cache
def single_steps(schema: GraphQLSchema, entity_type: str) -> tuple[Step, ...]:
    """List the to-one relations of a type."""
    return tuple(step for _, step in _steps(schema, entity_type) if not step.is_list)


def _own_columns(declaration: Declaration) -> tuple[str, ...]:
    if isinstance(declaration, Relation):
        return (declaration.local,)
    return declaration.reads if isinstance(declaration, Leaf) else ()
