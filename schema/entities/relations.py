"""Declarations of a type's relations: to one row, to plain lists of rows, and to pages of them."""

from collections.abc import Callable, Sequence
from typing import TypedDict

from strawberry.types.arguments import StrawberryArgument

from app.db.keyset import MAX_PAGE_SIZE
from app.db.table import Key, Table
from schema.entities.declarations import Classify, DeclaredAttribute, Link, Relation, always
from schema.entities.fields import PAGE_ARGUMENTS, argument, declared_field

#: Python's type of a key → PostgreSQL's.
_KEY_TYPES = {int: "bigint", str: "text", bytes: "bytea"}


def relation(
    key: Key,
    *,
    description: str,
    through: Key | None = None,
    classify: Classify | None = None,
    decides: Sequence[str] = (),
    with_deleted: bool = False,
    deprecated: str | None = None,
) -> DeclaredAttribute:
    """Declare a relation to the one row that a key names: `relation(INVOICES.order_id)` of an invoice.

    Args:
        through: A key of the row itself, to the row that `key` is a key of.
        classify: See `Relation`.
        decides: See `Relation`.
        with_deleted: See `Relation`.
    """
    return declared_field(
        Relation(
            **_joined(key, through, is_list=False),
            classify=classify,
            decides=tuple(decides),
            with_deleted=with_deleted,
        ),
        description,
        deprecated=deprecated,
    )


def relation_list(
    key: Key,
    *,
    description: str,
    through: Key | None = None,
    filters: Sequence[str] = (),
    classify: Classify | None = None,
    decides: Sequence[str] = (),
) -> DeclaredAttribute:
    """Declare a plain list of the rows whose key names the row: `relation_list(LINE_ITEMS.invoice_id)`.

    Args:
        through: A key that names the row. `key` then leads on from its table's rows.
        filters: See `Relation`.
        classify: See `Relation`. If the field is one value, it is given all rows together.
        decides: See `Relation`.
    """
    declared = Relation(
        **_joined(key, through, is_list=True), filters=tuple(filters), classify=classify, decides=tuple(decides)
    )
    return declared_field(declared, description)


def newest_rows(key: Key, *, size: int, description: str) -> DeclaredAttribute:
    """Declare a plain list of the newest rows whose key names the row, the newest first.

    Args:
        size: The number of rows without the argument `first`.
    """
    declared = Relation(**_joined(key, None, is_list=True), newest=size)
    wanted = f"How many to return. {size} by default, at most {MAX_PAGE_SIZE}."
    return declared_field(declared, description, arguments=(argument("first", int | None, wanted),))


def entity_row(of: Table[object], target: Table[object], *, description: str) -> DeclaredAttribute:
    """Declare a relation to the row that `entity_type` and `entity_id` name, if it is a row of `target`."""
    declared = Relation(of=of, target=target, local="entity_id", remote="id", only=("entity_type", target.type_name))
    return declared_field(declared, description)


def same_row(
    table: Table[object],
    *,
    description: str,
    where: Callable[..., str] = always,
    filters: Sequence[str] = (),
    with_deleted: bool = False,
) -> DeclaredAttribute:
    """Declare a relation to the row itself, shown as another type of its table. See `Relation` for the arguments."""
    declared = Relation(
        of=table,
        target=table,
        local="id",
        remote="id",
        where=where,
        filters=tuple(filters),
        with_deleted=with_deleted,
    )
    return declared_field(declared, description)


def pages(
    key: Key,
    *,
    description: str,
    through: Key | None = None,
    where: Callable[..., str] = always,
    filters: Sequence[str] = (),
    arguments: Sequence[StrawberryArgument] = (),
) -> DeclaredAttribute:
    """Declare a Relay connection of the rows whose key names the row, in the order of their ids.

    Args:
        arguments: The arguments of `where`.
    """
    declared = Relation(
        **_joined(key, through, is_list=True),
        is_paged=True,
        where=where,
        filters=tuple(filters),
    )
    return declared_field(declared, description, arguments=(*arguments, *PAGE_ARGUMENTS))


def owned_rows(
    owned: Table[object],
    owner: Table[object],
    *,
    description: str,
    kind: str = "",
    is_list: bool = True,
    is_paged: bool = False,
) -> DeclaredAttribute:
    """Declare a relation to the rows of a table that names its owners by type and id.

    Raises:
        TypeError: Rows of `owner` own no such rows.
    """
    if not any(one.table is owned and one.kind in (None, kind) for one in owner.owns):
        raise TypeError(
            f"The table {owner.name} does not say that its rows own {' '.join([owned.name, kind]).strip()}."
        )
    condition = f"t.owner_type = '{owner.type_name}'" + (f" and t.kind = '{kind}'" if kind else "")
    declared = Relation(
        of=owner,
        target=owned,
        local="id",
        remote="owner_id",
        is_list=is_list,
        is_paged=is_paged,
        where=lambda: condition,
        filters=("owner_type", "kind") if kind else ("owner_type",),
        kind=kind,
    )
    return declared_field(declared, description, arguments=PAGE_ARGUMENTS if is_paged else ())


class _Join(TypedDict):
    of: Table[object]
    target: Table[object]
    local: str
    remote: str
    link: Link | None
    is_list: bool
    key_type: str


def _joined(key: Key, through: Key | None, *, is_list: bool) -> _Join:
    """Return the tables and columns that a relation along one or two keys joins.

    A list begins at the row that the first key names.
    """
    first = through or key
    of, local, remote = (first.to, first.remote, first.column) if is_list else (first.table, first.column, first.remote)
    between = first.table if is_list else first.to
    if through is None:
        target, link = between, None
    elif key.table is between:
        target, link = key.to, Link(table=between.name, column=key.column, target_column=key.remote, key=remote)
    elif is_list and key.to is between:
        target, link = key.table, Link(table=between.name, column=key.remote, target_column=key.column, key=remote)
    else:
        raise TypeError(f"{key} does not lead on from {through}.")
    return _Join(
        of=of,
        target=target,
        local=local,
        remote="id" if link else remote,
        link=link,
        is_list=is_list,
        key_type=_KEY_TYPES[of.kind(local)[0]],
    )
