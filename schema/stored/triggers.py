"""A webhook's triggers: field paths of the schema. An UPDATE counts if it changes a column that one of them reads."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)

from app.auth.viewers import Viewer
from app.errors import Forbidden, InvalidInput
from schema.entities.declarations import ENTITIES, VISIBILITY, Leaf, Relation
from schema.entities.declared import declaration_of
from schema.stored.validate import StoredQuery
from schema.stored.watched import leaf_columns, relation_columns, sibling_column, whole_of

MAX_TRIGGERS = 100
MAX_CHARACTERS = 300

Types = tuple[GraphQLObjectType, ...]


def check_triggers(
    schema: GraphQLSchema, viewer: Viewer, entity_type: str, triggers: Sequence[str]
) -> dict[str, list[str]]:
    """Return messages by the path of the wrong trigger (`attributes.triggers.0`); empty if all are right.

    Args:
        viewer: The webhook's owner. A trigger tells that something has changed, so that it may name only what its owner
            may read.
    """
    if len(triggers) > MAX_TRIGGERS:
        return {"attributes.triggers": [f"there are {len(triggers)}; at most {MAX_TRIGGERS} are allowed"]}
    problems = {}
    for place, path in enumerate(triggers):
        try:
            _check_readable(viewer, path, list(_walk(schema, entity_type, path)))
        except InvalidInput as error:
            problems[f"attributes.triggers.{place}"] = [error.message]
    return problems


def _check_readable(viewer: Viewer, path: str, steps: Sequence[tuple[Types, str]]) -> None:
    """Raise InvalidInput if a path leads through a table that the viewer may not read."""
    names = path.split(".")
    for number, (types, name) in enumerate(steps, start=1):
        for of in types:
            declaration = declaration_of(of.fields[name])
            if isinstance(declaration, Relation):
                try:
                    VISIBILITY[declaration.target.name].check(viewer)
                except Forbidden as error:
                    place = ".".join(names[:number])
                    message = f"leads through {place!r}, which the webhook's owner can't read: {error.message}"
                    raise InvalidInput(message) from error


@lru_cache(maxsize=10_000)
def trigger_columns(schema: GraphQLSchema, entity_type: str, triggers: tuple[str, ...]) -> frozenset[str]:
    """Return `table.column` of every column that the paths read, in the form of `StoredQuery.watched`.

    A path that ends in a relation reads its rows and all their columns.

    Raises:
        InvalidInput: The schema does not have a path.
    """
    # A row that is deleted and inserted again in one batch is an UPDATE of any of its columns.
    reads = {f"{ENTITIES[entity_type].table.name}.*"}
    for path in triggers:
        reads |= _columns(schema, entity_type, path)
    return frozenset(reads)


def watched_by(schema: GraphQLSchema, query: StoredQuery, triggers: tuple[str, ...]) -> frozenset[str]:
    """Return the columns that a webhook's triggers read; without triggers, those of its query."""
    if not triggers:
        return query.watched
    try:
        return trigger_columns(schema, query.entity_type, triggers)
    except InvalidInput:
        # The schema no longer has a field of a trigger, and the webhook is marked as broken. Until it is corrected,
        # it is sent too much rather than too little.
        return query.watched


def _columns(schema: GraphQLSchema, entity_type: str, path: str) -> set[str]:
    whole, below = whole_of(entity_type), set[str]()
    reads: set[str] = set()
    last: Relation | None = None
    for types, name in _walk(schema, entity_type, path):
        is_below = last is not None and (bool(below) or last.target.name == whole)
        found: set[str] = set()
        for of in types:
            declaration = declaration_of(of.fields[name])
            if isinstance(declaration, Leaf):
                found |= leaf_columns(ENTITIES[of.name].table.name, declaration)
                last = None
            elif isinstance(declaration, Relation):
                found |= relation_columns(ENTITIES[of.name].table.name, declaration)
                # A relation that is computed to a value reads no further columns.
                last = None if is_leaf_type(get_named_type(of.fields[name].type)) else declaration
        reads |= found
        below |= found if is_below else set()
    if last is not None:
        whole_rows = {f"{last.target.name}.{column}" for column in last.target.columns}
        reads |= whole_rows
        below |= whole_rows if below else set()
    return reads | {sibling_column(whole, column) for column in below if whole is not None}


def _walk(schema: GraphQLSchema, entity_type: str, path: str) -> Iterator[tuple[Types, str]]:
    """Yield each step of a path: the types that have the field (several below a union), and its name.

    The rows of a connection can be named without `nodes`. Raises InvalidInput.
    """
    if len(path) > MAX_CHARACTERS:
        raise InvalidInput(f"has {len(path)} characters; at most {MAX_CHARACTERS} are allowed")
    types = _objects(schema, entity_type)
    before = entity_type
    for name in path.split("."):
        holders = tuple(of for of in types if name in of.fields)
        if not holders:
            rows = [of.fields["nodes"] for of in types if "pageInfo" in of.fields]
            types = tuple(of for field in rows for of in _objects(schema, get_named_type(field.type).name))
            holders = tuple(of for of in types if name in of.fields)
        if not holders:
            raise InvalidInput(f"{before} has no field {name!r}; a trigger is a path as in lineItems.quantity")
        declared = [declaration_of(of.fields[name]) for of in holders if of.name in ENTITIES and _is_ours(of)]
        if not all(isinstance(one, Leaf | Relation) for one in declared):
            raise InvalidInput(f"{before}.{name} can't be a trigger: it stands for no columns of its own")
        yield holders, name
        types = tuple(
            dict.fromkeys(
                of for holder in holders for of in _objects(schema, get_named_type(holder.fields[name].type).name)
            )
        )
        before = get_named_type(holders[0].fields[name].type).name


def _is_ours(of: GraphQLObjectType) -> bool:
    """Tell whether the type is of the running schema, and not of one that was read from a file."""
    return "strawberry-definition" in of.extensions


def _objects(schema: GraphQLSchema, name: str) -> Types:
    """Return the object types that a named type stands for; none for a scalar."""
    named = schema.type_map.get(name)
    if is_object_type(named):
        assert isinstance(named, GraphQLObjectType)
        return (named,)
    return tuple(schema.get_possible_types(named)) if is_abstract_type(named) else ()
