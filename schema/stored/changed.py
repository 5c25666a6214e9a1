"""What changed, in the schema's own words: `changed` of a notification, from the same declarations as all else."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLSchema

from schema import global_ids
from schema.declarations import ENTITIES
from schema.stored.graph import entity_of_table, fields_reading, path_to

#: Book-keeping columns: they accompany a change and are none.
_SILENT = frozenset({"updated_at", "deleted_at"})


def describe_changes(
    schema: GraphQLSchema, entity_type: str, changes: Sequence[dict[str, Any]], *, is_cut: bool
) -> dict[str, Any]:
    """Recorded row changes as field paths of the entity.

    `changes`: {"t": table, "id", "p": parents' ids, "op": i, u or d, "c": columns}, in the order of recording, and
    "v", the tables from the entity to the row, where they were recorded (`Root.way` in app/db/captured.py).
    Returns: {"added": […], "updated": […], "removed": […]}, with "cut": true when there were more than recorded.
    A row added and removed again is not named; the columns of an added row are not listed one by one.
    """
    described: dict[str, dict[str, None]] = {"added": {}, "updated": {}, "removed": {}}
    rows: dict[str, str] = {}
    for change in changes:
        path = _row_path(schema, entity_type, change)
        if path is None:
            continue
        if change["op"] == "u":
            for name in _field_names(schema, change):
                described["updated"][f"{path}.{name}" if path else name] = None
        elif path:
            rows[path] = _fold(rows.get(path), change["op"])
    for path, op in rows.items():
        if op != "-":
            described["added" if op == "i" else "removed"][path] = None
    described["updated"] = {
        name: None for name in described["updated"] if not any(name.startswith(f"{path}.") for path in rows)
    }
    return {**{kind: list(paths) for kind, paths in described.items()}, **({"cut": True} if is_cut else {})}


def _fold(earlier: str | None, op: str) -> str:
    """Added and removed again is nothing; removed and added again (restored) is added."""
    return "-" if (earlier, op) == ("i", "d") else op


def _row_path(schema: GraphQLSchema, entity_type: str, change: dict[str, Any]) -> str | None:
    """`shipments[<id>].shippedItems[<id>]`; "" for the entity's own row; None for what the schema does not show."""
    if change["t"] == ENTITIES[entity_type].table.name:
        return ""
    ids = [*change["p"], change["id"]]
    steps = path_to(schema, entity_type, change["t"], len(ids), tuple(change.get("v", ())))
    if steps is None:
        return None
    keys = iter(ids)
    return ".".join(
        f"{step.field}[{global_ids.encode(step.type, next(keys))}]" if step.is_list else step.field for step in steps
    )


def _field_names(schema: GraphQLSchema, change: dict[str, Any]) -> list[str]:
    columns = [column for column in change["c"] if column not in _SILENT]
    of = entity_of_table(change["t"])
    return list(dict.fromkeys(name for column in columns for name in fields_reading(schema, of, column)))
