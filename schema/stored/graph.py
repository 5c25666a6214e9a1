"""The declared types as a graph: what a field of a type was declared as, and how an entity leads to a table."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

from schema.declarations import ENTITIES, Declaration, Leaf, Relation
from schema.fields import DeclaredField


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One relation on the way from an entity to a table, and the type that it leads to."""

    field: str
    is_list: bool
    type: str


def declaration_of(field: GraphQLField) -> Declaration | None:
    """How a field was declared; None for one with a resolver of its own."""
    declared = field.extensions.get("strawberry-definition")
    return declared.declaration if isinstance(declared, DeclaredField) else None


def declared_fields(graphql_type: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[tuple[str, Declaration]]:
    for name, field in graphql_type.fields.items():
        declaration = declaration_of(field)
        if declaration is not None:
            yield name, declaration


@cache
def entity_of_table(table: str) -> str:
    """The type that stands for a table's rows: the first declared over them."""
    return next(name for name, found in ENTITIES.items() if found.table.name == table)


@cache
def path_to(schema: GraphQLSchema, entity_type: str, table: str, lists: int) -> tuple[Step, ...] | None:
    """The shortest way of relations from an entity to a table that crosses `lists` lists, or none at all.

    None when there is no such way: the schema does not show this table below this entity.
    """
    queue: deque[tuple[str, tuple[Step, ...]]] = deque([(entity_type, ())])
    seen = {entity_type}
    while queue:
        current, path = queue.popleft()
        graphql_type = schema.type_map[current]
        assert isinstance(graphql_type, GraphQLObjectType)
        for name, declaration in declared_fields(graphql_type):
            if not isinstance(declaration, Relation):
                continue
            following = entity_of_table(declaration.target.name)
            steps = (*path, Step(field=name, is_list=declaration.is_list, type=following))
            if declaration.target.name == table and sum(step.is_list for step in steps) in (0, lists):
                return steps
            if following not in seen:
                seen.add(following)
                queue.append((following, steps))
    return None


@cache
def fields_reading(schema: GraphQLSchema, entity_type: str, column: str) -> tuple[str, ...]:
    """The fields of a type that show a column of its table, in the schema's order."""
    graphql_type = schema.type_map[entity_type]
    assert isinstance(graphql_type, GraphQLObjectType)
    return tuple(name for name, declaration in declared_fields(graphql_type) if column in _own_columns(declaration))


def _own_columns(declaration: Declaration) -> tuple[str, ...]:
    if isinstance(declaration, Relation):
        return (declaration.local,)
    return declaration.reads if isinstance(declaration, Leaf) else ()
