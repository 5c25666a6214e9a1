"""Declarations of GraphQL types: the table, its rule, and the source of each field's value.

They are pure data, made by `schema/entities/fields.py`. Loaders, compiled plans, watched columns and the paths of
`changed` are derived from them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

from graphql import GraphQLSchema

from app.auth.viewers import Scope, Viewer
from app.db.keyset import BY_ID, Sort
from app.db.table import Table
from schema.entities.visibility import Visibility

#: The arguments of a field by their Python names, converted by Strawberry. The function that takes them knows their
#: types.
ArgumentValues: TypeAlias = dict[str, Any]
#: Turns the row or rows that a relation has found into the field's value. Each takes rows of its own table's class.
Classify: TypeAlias = Callable[[Any], object]
#: The value of a class attribute that declares a field, as in `name: str = column(…)`. Type checkers take it for
#: what the attribute's annotation says, as they do with `dataclasses.field`.
DeclaredAttribute: TypeAlias = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A field that shows a value: `compute(row, **arguments)`, which reads these columns of the row's table.

    Attributes:
        is_column: Whether the value is the one column itself, or an error. A plan then copies it from the record.
        of_values: A faster `compute` for a field without arguments. It takes the driver's values of the columns and
            returns the value as the response shows it. It saves a page dozens of small objects. It may return None if
            the field may be null, and raises KeyError for a value that the schema has no name for.
        id_of: The type whose global id the leaf gives; empty for every other leaf.
        needs_schema: Whether `compute` also takes the GraphQL schema, as `schema`.
    """

    reads: tuple[str, ...]
    compute: Callable[..., Any]
    is_column: bool = False
    of_values: Callable[..., Any] | None = None
    id_of: str = ""
    needs_schema: bool = False

    def of_schema(self, schema: GraphQLSchema) -> "Leaf":
        """Return this leaf; if its `compute` needs the schema, with the schema as an argument."""
        return replace(self, compute=partial(self.compute, schema=schema)) if self.needs_schema else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A table between a row and the rows of a relation.

    A row of it leads from the row whose `local` column equals `key` to the row whose `target_column` equals `column`.
    """

    table: str
    column: str
    target_column: str
    key: str

    @property
    def reads(self) -> frozenset[str]:
        return frozenset({f"{self.table}.{self.column}", f"{self.table}.{self.key}", f"{self.table}.*"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """A relation to the one row that a row names by GraphQL type and id, also if it is deleted.

    The field's type is an interface.

    Attributes:
        types: All types that can be named.
    """

    types: tuple[str, ...]
    type_column: str = "owner_type"
    local: str = "owner_id"


def always() -> str:
    """Return the condition of a relation that leaves nothing out."""
    return "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation to the rows of `target` whose `remote` column equals this row's `local` column.

    Attributes:
        is_list: Whether the field is a plain list, in the order of ids. Otherwise it is at most one row.
        is_paged: Whether the list is a connection.
        newest: How many rows a plain list has by default, those of the highest ids first. 0: it has all of them.
        only: A column of this row and the value that it must have. Otherwise there is no row. None: no condition.
        link: A table between the two. It takes the place of `remote`.
        where: Takes the field's own arguments and returns a condition over the alias `t`.
        filters: The target's columns that `where` reads, or that say who sees a row of a list.
        classify: Turns the found row into an object of the union's right member. None for plain types.
        decides: The target's columns that `classify` reads.
        with_deleted: Whether soft-deleted rows are found, too.
        key_type: PostgreSQL's type of the two columns.
        of: The table of the rows that have the relation. None: no type declares it.
        kind: The kind of the rows, if they name their owner by type and id and are of several kinds.
    """

    target: Table[object]
    local: str
    remote: str
    is_list: bool = False
    is_paged: bool = False
    newest: int = 0
    only: tuple[str, str] | None = None
    link: Link | None = None
    where: Callable[..., str] = always
    filters: tuple[str, ...] = ()
    classify: Classify | None = None
    decides: tuple[str, ...] = ()
    with_deleted: bool = False
    key_type: str = "bigint"
    of: Table[object] | None = None
    kind: str = ""

    @property
    def label(self) -> str:
        """Return the name of the relation in the graph. It differs from those of other relations to the same table."""
        return self.kind or self.local

    @property
    def reads(self) -> frozenset[str]:
        """Return `table.column` of each column of other tables that decides which rows are found."""
        target = self.target
        deleted = ("deleted_at",) if target.has("deleted_at") else ()
        near = (self.link.target_column,) if self.link else (self.remote,)
        own = {f"{target.name}.{column}" for column in (*near, *deleted, *self.filters, *self.decides)}
        return frozenset(own | {f"{target.name}.*"} | (self.link.reads if self.link else frozenset()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a list: the rows that meet `where`.

    Attributes:
        each: A FROM item. The part is read once for each of its rows. Empty: it is read once.
    """

    where: str
    each: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The query of a root list: a condition over the alias `t`, its arguments from `$1`, and an order.

    Attributes:
        parts: The same condition once more, in parts that exclude each other. Each part is read by itself in the order
            of the list, because each has an index of its own. Empty: `where` is read at once.
        shared: The condition of each part beside its own. None: `where`.
    """

    where: str = "true"
    shared: str | None = None
    parts: tuple["Part", ...] = ()
    args: tuple[object, ...] = ()
    sort: Sort = BY_ID
    with_deleted: bool = False


def everything(viewer: Viewer) -> ListQuery:
    """Return the query of a root list without arguments."""
    return ListQuery()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A root list: the rows of `target` that the viewer may see and asks for, as a connection.

    Attributes:
        scope: The scope that a key needs to read the list.
        ask: Takes the viewer and the field's own arguments, and returns the query. A condition over another table has
            to contain that table's rule for the viewer. Otherwise a filter would tell of rows that can't be seen.
            Of the viewer, only `seller_id` may matter: plans keep what the operator asks for, whichever key is used.
        classify: Turns each row into an object of the union's right member. None for plain types.
        is_whole: Whether the field is a plain list. A list that is longer than the longest page is then an error.
    """

    target: Table[object]
    scope: Scope
    ask: Callable[..., ListQuery] = everything
    classify: Classify | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """A root field that finds objects by the global id, or the list of ids, in `argument`.

    Attributes:
        type: The type that the ids must be of. None: every type that has ids.
    """

    argument: str
    type: str | None = None
    is_list: bool = False


Declaration = Leaf | Relation | Owner | Listing | Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A GraphQL type that shows the rows of a table.

    Attributes:
        row: The rows' class.
        scope: The scope that a key needs to read such an object.
        where: The condition of the rows that the type shows, over the alias `t`. Deleted rows need a mention.
    """

    name: str
    table: Table[object]
    row: type
    visibility: Visibility
    is_node: bool
    scope: Scope
    where: str = "true"

    @property
    def is_stand_in(self) -> bool:
        """Tell whether the type stands for another type in a union, for some of that type's rows."""
        return self.row is not self.table.row

    def row_of(self, row: Any) -> Any:
        """Return a row of the table as a row of the type."""
        return self.row(**{name: getattr(row, name) for name in self.table.columns}) if self.is_stand_in else row


#: Every declared type by its GraphQL name; filled by `entity` while the type modules are imported.
ENTITIES: dict[str, Entity] = {}

#: The rule of each table that has a type. A table without a rule can't be read.
VISIBILITY: dict[str, Visibility] = {}

#: The scope that a key needs to read each of these tables.
SCOPES: dict[str, Scope] = {}
