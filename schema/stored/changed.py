"""What changed, in the schema's own words: `changed` of a notification, from the same declarations as all else."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import GraphQLSchema

from app.capture.row_changes import RowChange
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.stored.graph import entity_of_table, fields_deciding, fields_reading, path_to, single_steps

#: Book-keeping columns: they accompany a change and are none.
_SILENT = frozenset({"updated_at", "deleted_at"})
#: Paths of each kind that are kept of events that took each other's place: an outage may last for weeks.
MAX_JOINED = 200


def describe_changes(
    schema: GraphQLSchema, entity_type: str, changes: Sequence[RowChange], *, is_cut: bool
) -> dict[str, Any]:
    """Recorded row changes as field paths of the entity.

    `changes`: in the order of recording.
    Returns: {"added": […], "updated": […], "removed": […]}, with "cut": true when there were more than recorded.
    A row added and removed again is not named; the columns of an added row are not listed one by one.
    """
    described: dict[str, dict[str, None]] = {"added": {}, "updated": {}, "removed": {}}
    rows: dict[str, tuple[str, str]] = {}
    for change in changes:
        places = _places(schema, entity_type, change)
        if places is None:
            continue
        path, _ = places[-1]
        # The entity's own row that comes or goes is the event itself.
        if path or change.operation == "u":
            described["updated"].update(dict.fromkeys(_decided(schema, places, change)))
        if change.operation == "u":
            for name in _field_names(schema, change):
                described["updated"][_joined(path, name)] = None
        elif path:
            first, _ = rows.get(path, (change.operation, ""))
            rows[path] = (first, change.operation)
    for path, (first, last) in rows.items():
        # Added and removed again is nothing; removed and added again (restored) is added.
        if (first, last) != ("i", "d"):
            described["added" if last == "i" else "removed"][path] = None
    described["updated"] = {
        name: None for name in described["updated"] if not any(name.startswith(f"{path}.") for path in rows)
    }
    return {**{kind: list(paths) for kind, paths in described.items()}, **({"cut": True} if is_cut else {})}


def join_changes(earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
    """What two events say together, in the form of `describe_changes`: the second takes the first one's place.

    What the first has added and the second removed is named as removed: the first may have arrived. Each kind names
    the last MAX_JOINED paths.
    """
    kinds: dict[str, dict[str, None]] = {
        kind: dict.fromkeys([*earlier[kind], *later[kind]]) for kind in ("added", "updated", "removed")
    }
    kinds["added"] = {path: None for path in kinds["added"] if path not in later["removed"]}
    kinds["removed"] = {path: None for path in kinds["removed"] if path not in later["added"]}
    rows = tuple(f"{path}." for path in (*kinds["added"], *kinds["removed"]))
    kinds["updated"] = {path: None for path in kinds["updated"] if not path.startswith(rows)}
    is_cut = earlier.get("cut") or later.get("cut") or any(len(paths) > MAX_JOINED for paths in kinds.values())
    return {
        **{kind: list(paths)[-MAX_JOINED:] for kind, paths in kinds.items()},
        **({"cut": True} if is_cut else {}),
    }


def _places(schema: GraphQLSchema, entity_type: str, change: RowChange) -> list[tuple[str, str]] | None:
    """Paths and types from the entity, whose path is "", to the row: `shipments[<id>].shippedItems[<id>]`.

    None for what the schema does not show.
    """
    ids, way = [*change.parents, change.id], change.way
    # A way leads to another row of the same table: of a variant, through its advert.
    if not way and change.table == ENTITIES[entity_type].table.name:
        return [("", entity_type)]
    steps = path_to(schema, entity_type, change.table, len(ids), way)
    if steps is None:
        return None
    keys, places = iter(ids), [("", entity_type)]
    for step in steps:
        name = f"{step.field}[{global_ids.encode(step.type, next(keys))}]" if step.is_list else step.field
        places.append((_joined(places[-1][0], name), step.type))
    return places


def _decided(schema: GraphQLSchema, places: Sequence[tuple[str, str]], change: RowChange) -> Iterator[str]:
    """What the row decides above it, and where the entity itself leads to: `lowestPrice` of a variant's advert."""
    _, entity_type = places[0]
    beside = [(step.field, step.type) for step in single_steps(schema, entity_type)]
    for path, of in dict.fromkeys((*places, *beside)):
        for decided in fields_deciding(schema, of, change.table):
            if not decided.columns.isdisjoint(change.columns) or (decided.is_value and change.operation != "u"):
                yield _joined(path, decided.field)


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _field_names(schema: GraphQLSchema, change: RowChange) -> list[str]:
    columns = [column for column in change.columns if column not in _SILENT]
    of = entity_of_table(change.table)
    return list(dict.fromkeys(name for column in columns for name in fields_reading(schema, of, column)))
