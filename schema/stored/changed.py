"""The `changed` of a webhook's body: recorded row changes as field paths of the schema."""

from collections.abc import Sequence
from functools import lru_cache

from graphql import GraphQLSchema

from app.auth.viewers import Viewer
from app.capture.row_changes import RowChange
from app.kernel.parsed_json import JsonObject
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.stored.graph import entity_of_table, fields_deciding, fields_reading, path_to, single_steps
from schema.stored.visible_changes import is_refused, is_visible

#: Columns of book-keeping. Their changes accompany others and are not named.
_SILENT = frozenset({"updated_at", "deleted_at"})
#: Different changes whose fields are remembered. Most changes are of the same few columns of the entity's own row.
_REMEMBERED = 1_000


def describe_changes(
    schema: GraphQLSchema, viewer: Viewer, entity_type: str, changes: Sequence[RowChange], *, is_cut: bool
) -> JsonObject:
    """Describe recorded row changes as field paths of the entity, without those that the viewer may not know of.

    Args:
        viewer: On whose behalf.
        changes: The changes in the order of recording.
        is_cut: There were more changes than were recorded.

    Returns:
        {"added": […], "updated": […], "removed": […]}, with "cut": true if there were more. A row that was added and
        removed again is not named. The columns of an added row are not listed.
    """
    described: dict[str, dict[str, None]] = {"added": {}, "updated": {}, "removed": {}}
    rows: dict[str, tuple[str, str]] = {}
    for change in changes:
        if not is_visible(viewer, change):
            continue
        places = _places(schema, entity_type, change)
        if places is None:
            continue
        path, _ = places[-1]
        # If the entity's own row was added or removed, the event says so.
        if path or change.operation == "u":
            derived = _list_derived(
                schema, viewer.is_operator, tuple(places), change.table, change.columns, change.operation == "u"
            )
            described["updated"].update(dict.fromkeys(derived))
        if change.operation == "u":
            for name in _field_names(schema, change.table, change.columns):
                described["updated"][_join(path, name)] = None
        elif path:
            first, _ = rows.get(path, (change.operation, ""))
            rows[path] = (first, change.operation)
    for path, (first, last) in rows.items():
        # A row that was added and removed is left out. One that was removed and added (restored) counts as added.
        if (first, last) != ("i", "d"):
            described["added" if last == "i" else "removed"][path] = None
    if rows:
        described["updated"] = {
            name: None for name in described["updated"] if not any(name.startswith(f"{path}.") for path in rows)
        }
    return {**{kind: list(paths) for kind, paths in described.items()}, **({"cut": True} if is_cut else {})}


def _places(schema: GraphQLSchema, entity_type: str, change: RowChange) -> list[tuple[str, str]] | None:
    """Return paths and types from the entity, whose path is "", to the row: `shipments[<id>].shippedItems[<id>]`.

    None if the schema does not show the row.
    """
    ids, way = [*change.parents, change.id], change.way
    # A way can lead to another row of the same table: from a variant through its advert to another variant.
    if not way and change.table == ENTITIES[entity_type].table.name:
        return [("", entity_type)]
    steps = path_to(schema, entity_type, change.table, len(ids), way)
    if steps is None:
        return None
    keys, places = iter(ids), [("", entity_type)]
    for step in steps:
        name = f"{step.field}[{global_ids.encode(step.type, next(keys))}]" if step.is_list else step.field
        places.append((_join(places[-1][0], name), step.type))
    return places


@lru_cache(_REMEMBERED)
def _list_derived(
    schema: GraphQLSchema,
    is_operator: bool,
    places: tuple[tuple[str, str], ...],
    table: str,
    columns: tuple[str, ...],
    is_update: bool,
) -> tuple[str, ...]:
    """List the fields whose values depend on the row: of its ancestors, and of rows that the entity refers to.

    For example, a variant's price decides `lowestPrice` of its advert.
    """
    _, entity_type = places[0]
    beside = [
        (step.field, step.type)
        for step in single_steps(schema, entity_type)
        if is_operator or not is_refused(ENTITIES[step.type].table.name)
    ]
    return tuple(
        _join(path, decided.field)
        for path, of in dict.fromkeys((*places, *beside))
        for decided in fields_deciding(schema, of, table)
        if not decided.columns.isdisjoint(columns) or (decided.is_value and not is_update)
    )


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


@lru_cache(_REMEMBERED)
def _field_names(schema: GraphQLSchema, table: str, columns: tuple[str, ...]) -> tuple[str, ...]:
    of = entity_of_table(table)
    named = [column for column in columns if column not in _SILENT]
    return tuple(dict.fromkeys(name for column in named for name in fields_reading(schema, of, column)))
