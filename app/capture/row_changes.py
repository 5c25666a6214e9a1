"""Changes of single rows: triggers record them as JSON in `change_events.changes`, and Python reads `RowChange`.

One of them in JSON is {"t": table, "id", "p": parents, "op": operation, "c": columns}, and "v": way if that was
recorded.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import orjson


class RowChange(NamedTuple):
    """The recorded change of one row.

    Attributes:
        parents: Ids of the rows between the entity and this one, from the entity down.
        operation: i for insert, u for update, d for delete.
        columns: The columns that have changed.
        way: The tables from the entity to the row (`Root.way` in app/capture/captured.py). Empty if it was not
            recorded, because only one way leads there.
    """

    table: str
    id: int
    parents: tuple[int, ...]
    operation: Literal["i", "u", "d"]
    columns: tuple[str, ...]
    way: tuple[str, ...] = ()


def decode_row_changes(text: str) -> list[RowChange]:
    """Read row changes from their JSON."""
    return [
        RowChange(
            table=one["t"],
            id=one["id"],
            parents=tuple(one["p"]),
            operation=one["op"],
            columns=tuple(one["c"]),
            way=tuple(one.get("v", ())),
        )
        for one in orjson.loads(text)
    ]


def encode_row_changes(changes: Sequence[RowChange]) -> str:
    """Write row changes as the triggers write them."""
    return orjson.dumps([_as_json(one) for one in changes]).decode()


def _as_json(change: RowChange) -> dict[str, Any]:
    row = {"t": change.table, "id": change.id, "p": change.parents, "op": change.operation, "c": change.columns}
    return {**row, "v": change.way} if change.way else row
