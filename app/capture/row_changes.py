"""Changes of single rows: triggers record them as JSON in `change_events.changes`, and Python reads `RowChange`.

One of them in JSON is {"t": table, "id", "p": parents, "op": operation, "c": columns}, and "v": way and "s": sellers if
those were recorded.
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
        sellers: The sellers of the rows on the way, the row itself included, which may be others than the entity's.
            Each entry is one state of the row: as it is and, if it has moved to another seller, as it was. A seller
            sees the row in a state of which it is the only seller. Empty if all rows are of the entity's seller.
    """

    table: str
    id: int
    parents: tuple[int, ...]
    operation: Literal["i", "u", "d"]
    columns: tuple[str, ...]
    way: tuple[str, ...] = ()
    sellers: tuple[tuple[int, ...], ...] = ()


def decode_row_changes(text: str) -> list[RowChange]:
    """Read row changes from their JSON."""
    return [
        # By place: by name takes twice as long, and each published change has some.
        RowChange(
            one["t"],
            one["id"],
            tuple(one["p"]),
            one["op"],
            tuple(one["c"]),
            tuple(one.get("v", ())),
            tuple(map(tuple, one.get("s", ()))),
        )
        for one in orjson.loads(text)
    ]


def encode_row_changes(changes: Sequence[RowChange]) -> str:
    """Write row changes as the triggers write them."""
    return orjson.dumps([_as_json(one) for one in changes]).decode()


def _as_json(change: RowChange) -> dict[str, Any]:
    row = {"t": change.table, "id": change.id, "p": change.parents, "op": change.operation, "c": change.columns}
    way = {"v": change.way} if change.way else {}
    return {**row, **way, **({"s": change.sellers} if change.sellers else {})}
