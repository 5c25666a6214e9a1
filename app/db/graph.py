"""The graph of entities, from what each table says of itself: which rows are parts of which, and whose they are.

Capture triggers, visibility, owners and what can be subscribed to all follow from it.
"""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from app.db.table import EVERYONE, Key, OfSeller, OperatorOnly, OtherRule, Ownership, Table, Through

#: Where the tables are.
_CONTEXTS = ("app.auth", "app.marketplace", "app.webhooks")


@cache
def tables() -> Mapping[str, Table[object]]:
    """Return every table that others may know, by its name.

    Imports every module of the packages called `db`, because a table that is forgotten would lose its triggers.
    Not to be called while such a module is imported.
    """
    found: dict[str, Table[object]] = {}
    for name in (module for context in _CONTEXTS for module in _list_modules(context)):
        defined = vars(import_module(name)).items()
        found |= {one.name: one for name, one in defined if isinstance(one, Table) and name[0] != "_"}
    return dict(sorted(found.items()))


def _list_modules(package: str) -> Iterator[str]:
    """Return the modules of all packages below one that are called `db`, or lie within such a package."""
    for module in pkgutil.iter_modules(import_module(package).__path__, f"{package}."):
        if module.ispkg:
            yield from _list_modules(module.name)
        elif "db" in package.split(".")[2:]:
            yield module.name


@cache
def subscribable() -> Mapping[str, Table[object]]:
    """Return the tables that webhooks can be about, by the name of the type."""
    return {table.type_name: table for table in tables().values() if table.is_subscribable}


def is_for_everyone(entity_type: str) -> bool:
    """Return whether every seller sees all such entities: reference data, which belongs to no seller."""
    return subscribable()[entity_type].seen_by is EVERYONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Rows of `table` are parts of the rows of `of` that their `column` names, where `when` holds.

    Attributes:
        label: Tells them from other rows of the same table that are parts of the same rows; empty where there are none.
        is_listed: Whether only that they come and go counts, and no change of them or of their own parts.
    """

    table: Table[object]
    of: Table[object]
    column: str
    when: str = "true"
    label: str = ""
    is_listed: bool = False

    @property
    def step(self) -> str:
        return f"{self.table.name}.{self.label}" if self.label else self.table.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """A change of a row of `whole` is also a change of each row of `below` that is a part of it.

    Few rows each, and the watched columns drop most subscribers.
    """

    whole: Table[object]
    below: Table[object]
    key: Key

    @property
    def sql(self) -> str:
        """Return a SELECT of the parts' ids, from `{id}`."""
        is_there = " and d.deleted_at is null" if self.below.has("deleted_at") else ""
        return f"select d.id from {self.below.name} d where d.{self.key.column} = {{id}}{is_there}"


@cache
def cascades() -> Mapping[str, Cascade]:
    """Return what is passed down, by the type name of the whole."""
    keys = (key for table in tables().values() for key in table.keys.values())
    return {
        key.to.type_name: Cascade(whole=key.to, below=key.table, key=key) for key in keys if key.reference.passes_down
    }


@cache
def owners_of(table: Table[object]) -> tuple[tuple[Table[object], Ownership], ...]:
    """Return the tables whose rows may own rows of this one, and how they do."""
    return tuple((owner, owned) for owner in tables().values() for owned in owner.owns if owned.table is table)


@cache
def parts_of_wholes(table: Table[object]) -> tuple[Part, ...]:
    """Return whose parts the rows of a table are."""
    return (*_by_key(table), *_by_owner(table))


def _by_key(table: Table[object]) -> Iterator[Part]:
    for key in table.keys.values():
        if key.reference.is_part or key.reference.is_listed:
            when = f"r.{key.column} is not null" if key.may_be_null else "true"
            # A row that is a part of one of its own table names it by another relation than the list of its parts.
            yield Part(
                table=table,
                of=key.to,
                column=key.column,
                when=when,
                label=key.remote if key.to is table else "",
                is_listed=key.reference.is_listed,
            )


def _by_owner(table: Table[object]) -> Iterator[Part]:
    for owner, owned in owners_of(table):
        if owned.is_part:
            kind = f" and r.kind = '{owned.kind}'" if owned.kind else ""
            when = f"r.owner_type = '{owner.type_name}'{kind}"
            yield Part(table=table, of=owner, column="owner_id", when=when, label=owned.kind or "")


def references_to(table: Table[object]) -> Iterator[Key]:
    """Return all keys that name rows of a table."""
    for other in tables().values():
        yield from (key for key in other.keys.values() if key.to is table)


def path_to_seller(table: Table[object]) -> tuple[tuple[Key, ...], OfSeller | OperatorOnly | OtherRule]:
    """Return the keys from a row to the one that says whose it is, and how that one says it, or that it is everyone's.

    Raises:
        TypeError: No seller can be told of such a row, or not by one way alone.
    """
    rule = table.seen_by
    if isinstance(rule, OfSeller | OperatorOnly) or rule is EVERYONE:
        return (), rule
    if not isinstance(rule, Through) or len(rule.columns) != 1:
        raise TypeError(f"The table {table.name} does not say by one key whose a row is.")
    key = table.keys[rule.columns[0]]
    above, found = path_to_seller(key.to)
    return (key, *above), found
