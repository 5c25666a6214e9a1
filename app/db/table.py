"""A table: the frozen dataclass that holds one of its rows, and its place in the graph of entities.

All dataloaders and connections of the schema read rows by `Table`, so that column lists have one home. A table's keys,
its whole and its seller are declared here alone: `app/db/graph.py` and the schema derive the rest.
"""

import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum, StrEnum
from functools import lru_cache
from typing import Any, Generic, NewType, TypeVar

from app.db.pool import Record

Row = TypeVar("Row", covariant=True)

#: The value of a jsonb column, as text.
JsonText = NewType("JsonText", str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A column that names a row of another table.

    Attributes:
        to: The other table; None is the table itself.
        remote: The column of the other table that holds the same value.
        is_part: Whether the row is a part of the row that it names, so that its change is a change of that one.
        is_listed: Whether the row that it names lists this one: a change of that one is that this one comes or goes.
        passes_down: Whether a change of the row that it names is a change of this one, too. For few rows each.
        is_enforced: Whether a foreign key enforces it. If not, the row that it names may be gone.
    """

    to: "Table[object] | None" = None
    remote: str = "id"
    is_part: bool = False
    is_listed: bool = False
    passes_down: bool = False
    is_enforced: bool = True


def part_of(whole: "Table[object]", *, passes_down: bool = False) -> Reference:
    """Return a reference to the row that a row is a part of."""
    return Reference(to=whole, is_part=True, passes_down=passes_down)


def listed_by(owner: "Table[object]") -> Reference:
    """Return a reference to the row that lists a row, of which the row is no part."""
    return Reference(to=owner, is_listed=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Key:
    """A reference of a table: `INVOICES.order_id`. A name that is mistyped is an error at import."""

    table: "Table[object]"
    column: str
    to: "Table[object]"
    reference: Reference

    def __str__(self) -> str:
        return f"{self.table.name}.{self.column}"

    @property
    def remote(self) -> str:
        return self.reference.remote

    @property
    def may_be_null(self) -> bool:
        return self.table.kind(self.column)[1]


@dataclass(frozen=True, slots=True)
class Ownership:
    """Rows of a table that names its owners by type and id (`WITH_OWNER`): external ids, metadata, images.

    Attributes:
        table: The table of the rows.
        kind: Whether only rows of this `kind` are meant, which are shown apart from those of other kinds.
        is_part: Whether they are parts of their owner.
    """

    table: "Table[object]"
    kind: str | None = None
    is_part: bool = True


@dataclass(frozen=True, slots=True)
class OfSeller:
    """The row names the seller that sees it."""

    column: str = "seller_id"


@dataclass(frozen=True, slots=True, init=False)
class Through:
    """The row is seen by the sellers that see a row that one of these references names.

    Attributes:
        columns: The references' columns.
        is_of_few: A seller sees few of the rows that are named, each with many rows that name it.
        copy: A column with the seller of the row that is named, kept by a trigger, so that a seller's list is read by
            an index. Nobody is told of it. Empty: there is none.
    """

    columns: tuple[str, ...]
    is_of_few: bool
    copy: str

    def __init__(self, *columns: str, is_of_few: bool = False, copy: str = "") -> None:
        object.__setattr__(self, "columns", columns)
        object.__setattr__(self, "is_of_few", is_of_few)
        object.__setattr__(self, "copy", copy)


@dataclass(frozen=True, slots=True)
class OperatorOnly:
    """No seller sees the row, and is told so. what: as in “An order”."""

    what: str


class OtherRule(Enum):
    """A rule for rows that name neither their seller nor a row that does."""

    EVERYONE = "reference data, such as carriers"
    WITH_OWNER = "whoever sees the row that `owner_type` and `owner_id` name"
    WITH_REFERRERS = "whoever sees a row that names it; a change of it is a change of those rows"


EVERYONE, WITH_OWNER, WITH_REFERRERS = OtherRule.EVERYONE, OtherRule.WITH_OWNER, OtherRule.WITH_REFERRERS
SeenBy = OfSeller | Through | OperatorOnly | OtherRule


class Table(Generic[Row]):
    """A table of the database. Each column is the field of the same name of `row`.

    Each of its references is an attribute: `INVOICES.order_id`.
    """

    __slots__ = (
        "_convert",
        "_kinds",
        "columns",
        "is_log",
        "is_subscribable",
        "keys",
        "name",
        "owns",
        "remembered_in",
        "row",
        "seen_by",
        "type_name",
    )

    def __init__(
        self,
        name: str,
        row: type[Row],
        *,
        type_name: str = "",
        seen_by: SeenBy | None = None,
        keys: Mapping[str, "Reference | Table[object]"] | None = None,
        owns: "Sequence[Ownership | Table[object]]" = (),
        is_subscribable: bool = False,
        is_log: bool = False,
        remembered_in: str = "",
    ) -> None:
        """Describe a table.

        Args:
            name: Its name in the database.
            row: A dataclass with a field for each column that is read.
            type_name: What other tables' rows call a row of it (`owner_type`, `entity_type`). Empty: nothing does.
            seen_by: Which seller sees a row; None only of a table that the schema does not show.
            keys: Its references, by column; a table alone stands for a foreign key that says nothing more.
            owns: Whose owner a row may be.
            is_subscribable: Whether webhooks can be about its rows.
            is_log: Its rows are written once and cleared away when they are old: only that they are added counts.
            remembered_in: The table that keeps id and seller of a deleted row until the transaction ends.

        Raises:
            AttributeError: A key or a rule names a column or a key that is not there.
            TypeError: A key's column is of another type than the one that it names; or an owner has no `type_name`.
        """
        self.name = name
        self.row = row
        self.columns = tuple(field.name for field in fields(row))  # type: ignore[arg-type]  # a dataclass
        hints = typing.get_type_hints(row)
        self._kinds = {column: _plain(hints[column]) for column in self.columns}
        self._convert = {
            column: converter
            for column, (kind, may_be_null) in self._kinds.items()
            if (converter := _converter(kind, may_be_null=may_be_null)) is not None
        }
        self.type_name = type_name
        self.seen_by = seen_by
        self.owns = tuple(one if isinstance(one, Ownership) else Ownership(one) for one in owns)
        if (owns or is_subscribable) and not type_name:
            raise TypeError(f"The table {name} has no name for the type of its rows.")
        self.is_subscribable = is_subscribable
        self.is_log = is_log
        self.remembered_in = remembered_in
        self.keys: dict[str, Key] = {}
        self.keys = {column: self._key(column, to) for column, to in (keys or {}).items()}
        self._check_rule()

    def __repr__(self) -> str:
        return f"<table {self.name}>"

    def __getattr__(self, name: str) -> Key:
        keys: dict[str, Key] = object.__getattribute__(self, "keys")
        if name not in keys:
            raise AttributeError(f"The table {self.name} has no key {name}.", name=name, obj=self)
        return keys[name]

    def _key(self, column: str, given: "Reference | Table[object]") -> Key:
        reference = Reference(to=given) if isinstance(given, Table) else given
        to = self if reference.to is None else reference.to
        for table, name in ((self, column), (to, reference.remote)):
            if not table.has(name):
                raise AttributeError(f"The key {self.name}.{column}: the table {table.name} has no column {name}.")
        if self.kind(column)[0] is not to.kind(reference.remote)[0]:
            raise TypeError(f"The key {self.name}.{column} is of another type than {to.name}.{reference.remote}.")
        return Key(table=self, column=column, to=to, reference=reference)

    def _check_rule(self) -> None:
        rule = self.seen_by
        if isinstance(rule, OfSeller) and not self.has(rule.column):
            raise AttributeError(f"The table {self.name} has no column {rule.column}, which is to name its seller.")
        if isinstance(rule, Through):
            for column in rule.columns:
                getattr(self, column)

    def select_list(self, alias: str) -> str:
        return _select_list(self.columns, alias)

    def from_record(self, record: Record | Mapping[str, object]) -> Row:
        """Return the row of a record that has (at least) this table's columns."""
        values = {column: record[column] for column in self.columns}
        for column, convert in self._convert.items():
            values[column] = convert(values[column])
        return self.row(**values)

    def rows(self, records: Iterable[Record]) -> list[Row]:
        return [self.from_record(record) for record in records]

    def converter(self, column: str) -> Callable[[Any], Any] | None:
        """Return the function from the driver's value of a column to the row's; None if they are equal."""
        return self._convert.get(column)

    def kind(self, column: str) -> tuple[Any, bool]:
        """Return a column's type, and whether it may be None. A NewType, except JsonText, is replaced by its base."""
        return self._kinds[column]

    def has(self, column: str) -> bool:
        return column in self.columns


# A statement's text is made anew each time that it is run. Kept lists take a tenth of the CPU: 1 instead of 7 µs.
@lru_cache(maxsize=1000)
def _select_list(columns: tuple[str, ...], alias: str) -> str:
    return ", ".join(f'{alias}."{column}"' for column in columns)


def _plain(hint: Any) -> tuple[Any, bool]:
    may_be_null = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = [part for part in typing.get_args(hint) if part is not type(None)]
        may_be_null = True
    while hint is not JsonText and hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    return hint, may_be_null


def _converter(kind: Any, *, may_be_null: bool = False) -> Callable[[Any], Any] | None:
    """Return the function that turns texts into members of an enumeration; None for all other types."""
    if may_be_null:
        convert = _converter(kind)
        return None if convert is None else lambda value: None if value is None else convert(value)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind
    if typing.get_origin(kind) in (tuple, Sequence):
        item = _converter(typing.get_args(kind)[0])
        return tuple if item is None else lambda values: tuple(item(value) for value in values)
    return None
