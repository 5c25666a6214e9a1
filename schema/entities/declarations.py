"""Declarations of GraphQL types: the table, its rule, and the source of each field's value.

Pure data, made by `schema/entities/fields.py`. Loaders, watched columns, `changed` paths (and compiled plans) read it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from graphql import GraphQLSchema

from app.auth.viewers import Scope, Viewer
from app.db.keyset import BY_ID, Sort
from app.db.table import Table
from schema.entities.visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """`compute(row, **arguments)`, which reads these columns of the row's own table.

    is_column  the value is the one column itself (or an error): a plan takes it from the record as it is.
    of_values  the same as `compute` without arguments, as it stands in a response, from the columns' values as the
               driver gives them: what saves a page dozens of small objects. None only of a field that may be null;
               raises KeyError for what the schema has no name for.
    id_of      the type whose global id it gives; empty for every other leaf.
    needs_schema  `compute` also takes the GraphQL schema, as `schema`.
    """

    reads: tuple[str, ...]
    compute: Callable[..., Any]
    is_column: bool = False
    of_values: Callable[..., Any] | None = None
    id_of: str = ""
    needs_schema: bool = False

    def of_schema(self, schema: GraphQLSchema) -> "Leaf":
        """Return this leaf with the schema as an argument of `compute`, where that needs it."""
        return replace(self, compute=partial(self.compute, schema=schema)) if self.needs_schema else self


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A table between a row and its relation: `target_column` of the target equals `column` of it.

    The rows are then those whose link's `key` equals this row's `local` column.
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
    """The one row, a deleted one too, that a row names by its GraphQL type and its id. The field is an interface.

    types  all that can be named.
    """

    types: tuple[str, ...]
    type_column: str = "owner_type"
    local: str = "owner_id"


def always() -> str:
    """The condition of a relation that nothing is left out of."""
    return "true"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Rows of `target` whose `remote` column equals this row's `local` column.

    is_list      to-many: a plain list, in id order; else at most one row.
    is_paged     to-many as a connection.
    link         a table between, in place of `remote`.
    where        the field's own arguments → a condition over the alias `t`; for what an argument leaves out.
    filters      the target's columns that `where` reads.
    classify     turns the found row into the object of the union's right member; None for plain types.
    decides      the target's columns that `classify` reads.
    with_deleted whether soft-deleted rows are found, too.
    key_type     PostgreSQL's type of the two columns.
    of           the table of the rows that have the relation; None where no type declares it.
    kind         of rows that name their owner by type and id: which kind of them.
    """

    target: Table[Any]
    local: str
    remote: str
    is_list: bool = False
    is_paged: bool = False
    link: Link | None = None
    where: Callable[..., str] = always
    filters: tuple[str, ...] = ()
    classify: Callable[[Any], Any] | None = None
    decides: tuple[str, ...] = ()
    with_deleted: bool = False
    key_type: str = "bigint"
    of: Table[Any] | None = None
    kind: str = ""

    @property
    def label(self) -> str:
        """Return the name, in the words of the graph, that tells it from other relations to the same table."""
        return self.kind or self.local

    @property
    def reads(self) -> frozenset[str]:
        """`table.column` of the far side: what must not change unseen for the same rows to be found."""
        target = self.target
        deleted = ("deleted_at",) if target.has("deleted_at") else ()
        near = (self.link.target_column,) if self.link else (self.remote,)
        own = {f"{target.name}.{column}" for column in (*near, *deleted, *self.filters, *self.decides)}
        return frozenset(own | {f"{target.name}.*"} | (self.link.reads if self.link else frozenset()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a list: the rows that meet `where`, for each row of `each`, a FROM item; or once, without one."""

    where: str
    each: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The query that a root list's arguments make: a condition over the alias `t`, its arguments from `$1`, an order.

    parts  `where` once more, as conditions that exclude each other and together mean the same. Each part is read by
           itself in the order of the list, by an index that serves none of the other parts. Empty: `where` alone.
    """

    where: str = "true"
    parts: tuple["Part", ...] = ()
    args: tuple[Any, ...] = ()
    sort: Sort = BY_ID
    with_deleted: bool = False


def everything(viewer: Viewer) -> ListQuery:
    """Return the query of a root list without arguments."""
    return ListQuery()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A root list: the rows of `target` that the viewer sees and asks for, as a connection.

    ask       viewer and the field's own arguments → what they ask for. A condition over another table has to
              carry that table's rule for the viewer: else a filter would tell of rows that can't be seen.
    classify  turns each row into the object of the union's right member; None for plain types.
    is_whole  a plain list in place of the connection; one that is longer than the longest page is an error.
    """

    target: Table[Any]
    scope: Scope
    ask: Callable[..., ListQuery] = everything
    classify: Callable[[Any], Any] | None = None
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Root objects by the global id, or the list of ids, in `argument`.

    type  whose ids are taken; None: those of every type that has any.
    """

    argument: str
    type: str | None = None
    is_list: bool = False


Declaration = Leaf | Relation | Owner | Listing | Lookup


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A GraphQL type over a table's rows; `row` is their class.

    where  the condition over the alias `t` of the rows that are of the type; deleted ones are not, unless it says so.
    """

    name: str
    table: Table[Any]
    row: type
    visibility: Visibility
    is_node: bool
    scope: Scope
    where: str = "true"

    @property
    def is_stand_in(self) -> bool:
        """Whether it stands in another type's place in a union, for some of that type's rows."""
        return self.row is not self.table.row

    def row_of(self, row: Any) -> Any:
        """Return a row of the table as a row of the type."""
        return self.row(**{name: getattr(row, name) for name in self.table.columns}) if self.is_stand_in else row


#: Every declared type by its GraphQL name; filled by `entity` while the type modules are imported.
ENTITIES: dict[str, Entity] = {}

#: The rule of each table that has a type. A table without one is in no rule's keeping and can't be read.
VISIBILITY: dict[str, Visibility] = {}

#: What a viewer's key must carry to read each of these tables.
SCOPES: dict[str, Scope] = {}
