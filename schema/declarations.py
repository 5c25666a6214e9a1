"""What a GraphQL type was declared as: its table, its rule, and for each field where its value comes from.

Pure data, made by `schema/fields.py`. Loaders, watched columns, `changed` paths (and compiled plans) read it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.auth import Scope
from app.db.keyset import Sort
from app.db.table import Table
from schema.visibility import Visibility


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """`compute(row, **arguments)`, which reads these columns of the row's own table."""

    reads: tuple[str, ...]
    compute: Callable[..., Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Rows of `target` whose `remote` column equals this row's `local` column.

    is_list      to-many: a plain list, in id order; else at most one row.
    is_paged     to-many as a connection.
    classify     turns the found row into the object of the union's right member; None for plain types.
    decides      the target's columns that `classify` reads.
    with_deleted whether soft-deleted rows are found, too.
    key_type     PostgreSQL's type of the two columns.
    """

    target: Table[Any]
    local: str
    remote: str
    is_list: bool = False
    is_paged: bool = False
    classify: Callable[[Any], Any] | None = None
    decides: tuple[str, ...] = ()
    with_deleted: bool = False
    key_type: str = "bigint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A root list: every row of `target` that the viewer sees, as a connection.

    where  the field's own arguments → a condition over the alias `t` and its arguments, numbered from `$1`.
    """

    target: Table[Any]
    sort: Sort
    scope: Scope
    where: Callable[..., tuple[str, list[Any]]]


Declaration = Leaf | Relation | Listing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A GraphQL type over a table's rows."""

    name: str
    table: Table[Any]
    visibility: Visibility
    is_node: bool
    scope: Scope


#: Every declared type by its GraphQL name; filled by `entity` while the type modules are imported.
ENTITIES: dict[str, Entity] = {}

#: The rule of each table that has a type. A table without one is in no rule's keeping and can't be read.
VISIBILITY: dict[str, Visibility] = {}
