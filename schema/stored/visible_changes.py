"""The part of a recorded change that a viewer may know of: that of rows which it may see.

A change of an order is recorded as one of its invoices, too, and a change of a seller's inventory as one of the
variant. The invoice's seller may not see the order, nor the variant's seller another one's inventory.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple, Protocol

from app.auth.viewers import Viewer
from app.capture.row_changes import RowChange
from app.errors import Forbidden
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookEventName
from schema.entities.declarations import VISIBILITY

#: Any seller: some tables are refused to all of them.
_SELLER = Viewer(SellerId(0))


class RecordedChange(Protocol):
    """A change of one entity, as the outbox has it."""

    @property
    def operation(self) -> WebhookEventName: ...
    @property
    def columns(self) -> frozenset[str]: ...
    @property
    def changes(self) -> Sequence[RowChange]: ...
    @property
    def is_cut(self) -> bool: ...


class VisiblePart(NamedTuple):
    columns: frozenset[str]
    changes: Sequence[RowChange]


def find_visible_part(viewer: Viewer, change: RecordedChange) -> VisiblePart | None:
    """Return the part of a change that a viewer may know of; None if it may not even know that there was one."""
    if viewer.is_operator:
        return VisiblePart(change.columns, change.changes)
    if change.operation is not WebhookEventName.UPDATE:
        return leave_out_hidden(viewer, change.columns, change.changes, is_cut=change.is_cut)
    if is_operators_own(change.columns, change.changes):
        return None
    part = leave_out_hidden(viewer, change.columns, change.changes, is_cut=change.is_cut)
    return part if part.columns else None


def leave_out_hidden(
    viewer: Viewer, columns: frozenset[str], changes: Sequence[RowChange], *, is_cut: bool
) -> VisiblePart:
    """Return columns and row changes without those that the viewer may not know of.

    Args:
        is_cut: There were more row changes. Then the columns of any table that may be seen are kept.
    """
    if viewer.is_operator:
        return VisiblePart(columns, changes)
    kept = frozenset(column for column in columns if not _is_refused_column(column))
    seen = [row for row in changes if is_visible(viewer, row)]
    if is_cut or len(seen) == len(changes):
        return VisiblePart(kept, seen)
    own = {name for row in seen for name in _columns_of(row)}
    # A column of a sibling row has the whole's name before its own.
    return VisiblePart(frozenset(column for column in kept if column.partition("/")[2] in own or column in own), seen)


def is_operators_own(columns: Collection[str], changes: Sequence[RowChange]) -> bool:
    """Return whether only the operator may know of a change: no seller sees such rows, whosever they are."""
    if changes:
        return all(_is_refused_way(row.table, row.way) for row in changes)
    return bool(columns) and all(_is_refused_column(column) for column in columns)


def is_visible(viewer: Viewer, row: RowChange) -> bool:
    """Return whether a viewer may know of the change of a row, as one of an entity that it sees."""
    if viewer.is_operator:
        return True
    if _is_refused_way(row.table, row.way):
        return False
    return not row.sellers or any(all(one in (viewer.seller_id, None) for one in state) for state in row.sellers)


@cache
def is_refused(table: str) -> bool:
    """Return whether a table is refused to sellers as such."""
    try:
        VISIBILITY[table].check(_SELLER)
    except Forbidden:
        return True
    except KeyError:
        # No type shows it.
        return False
    return False


@cache
def _is_refused_way(table: str, way: tuple[str, ...]) -> bool:
    return any(is_refused(name) for name in (table, *(step.partition(".")[0] for step in way)))


@cache
def _is_refused_column(column: str) -> bool:
    """Return whether a column is refused: `table.column`, or `whole/table.column` of a sibling row."""
    whole, _, own = column.rpartition("/")
    return is_refused(own.partition(".")[0]) or (bool(whole) and is_refused(whole))


def _columns_of(row: RowChange) -> list[str]:
    return [f"{row.table}.{column}" for column in row.columns or ("*",)]
