"""Dataloaders: however many rows ask for a relation, one statement answers.

They are made on demand from the relations' declarations and named `<table>_by_<key>`. Every statement
carries the target type's visibility rule.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from strawberry.dataloader import DataLoader

from app.auth import Viewer
from app.db.keyset import BY_ID, Slice, Sort, after_cursor, order_by, slice_of
from app.db.table import Table
from schema.connections import Connection, make_connection
from schema.context import Reader
from schema.declarations import VISIBILITY, Listing, Relation
from schema.visibility import condition

Load = Callable[[list[Any]], Awaitable[list[Any]]]


class Loaders:
    """The dataloaders of one operation, or of one batch of renderings that share a viewer."""

    def __init__(self, reader: Reader, viewer: Viewer) -> None:
        self._reader = reader
        self._viewer = viewer
        self._made: dict[str, DataLoader[Any, Any]] = {}

    def related(self, relation: Relation, row: Any, **page: Any) -> Awaitable[Any]:
        """What a row's relation holds: a row or None, a list, or a Connection."""
        if relation.is_paged:
            return self._connected(relation, getattr(row, relation.local), **page)
        load = self._many if relation.is_list else self._one
        found = load(relation.target, relation.remote, relation.with_deleted, relation.key_type).load(
            getattr(row, relation.local)
        )
        return found if relation.classify is None else _classified(found, relation.classify)

    def by_id(self, table: Table[Any], key: int, *, with_deleted: bool = False) -> Awaitable[Any]:
        """The row, or None when it does not exist or is not for this viewer. Raises Forbidden."""
        return self._one(table, "id", with_deleted).load(key)

    def forget(self) -> None:
        """Drop what was read: a mutation has changed the rows."""
        self._made.clear()

    async def listed(
        self,
        listing: Listing,
        *,
        first: int | None = None,
        after: str | None = None,
        last: int | None = None,
        before: str | None = None,
        **filters: Any,
    ) -> Connection[Any]:
        """One page of a root list. Raises Forbidden, InvalidInput."""
        self._viewer.require(listing.scope)
        table, sort = listing.target, listing.sort
        VISIBILITY[table.name].check(self._viewer)
        part = slice_of(table.name, sort, first=first, after=after, last=last, before=before)
        where, args = listing.where(**filters)
        return await self._page(table, part, sort, where, args)

    async def _page(
        self, table: Table[Any], part: Slice, sort: Sort, where: str, args: Sequence[Any]
    ) -> Connection[Any]:
        rule, rule_args = self._rule(table, len(args) + 1)
        after, after_args = after_cursor(sort, part, len(args) + len(rule_args) + 1)
        live = f"{where} and {rule} and {_live(table, False)}"
        given = [*args, *rule_args]
        records = await self._reader.fetch(
            f"select {table.select_list('t')} from {table.name} t where {live} and {after}"
            f" order by {order_by(sort, part)} limit {part.size + 1}",
            *given,
            *after_args,
        )

        async def count() -> int:
            counted = await self._reader.fetch(f"select count(*) from {table.name} t where {live}", *given)
            return int(counted[0][0])

        return make_connection(table.rows(records), part, sort, table.name, count)

    def _one(
        self, table: Table[Any], column: str, with_deleted: bool, key_type: str = "bigint"
    ) -> DataLoader[Any, Any]:
        async def load(keys: list[Any]) -> list[Any]:
            rows = await self._fetch(table, column, keys, with_deleted, key_type)
            found = {getattr(row, column): row for row in rows}
            return [found.get(key) for key in keys]

        return self._loader(f"{table.name}_by_{column}:{with_deleted}", table, _skipping_none(load))

    def _many(
        self, table: Table[Any], column: str, with_deleted: bool, key_type: str = "bigint"
    ) -> DataLoader[Any, Any]:
        async def load(keys: list[Any]) -> list[Any]:
            found = defaultdict(list)
            for row in await self._fetch(table, column, keys, with_deleted, key_type):
                found[getattr(row, column)].append(row)
            return [found[key] for key in keys]

        return self._loader(f"{table.name}_list_by_{column}:{with_deleted}", table, load)

    async def _connected(self, relation: Relation, key: int, **page: Any) -> Connection[Any]:
        table, column = relation.target, relation.remote
        part = slice_of(table.name, BY_ID, **page)

        async def load(keys: list[Any]) -> list[Any]:
            rule, rule_args = self._rule(table, 2)
            after, after_args = after_cursor(BY_ID, part, 2 + len(rule_args))
            records = await self._reader.fetch(
                f"select p.* from unnest($1::bigint[]) k(key) cross join lateral"
                f" (select {table.select_list('t')} from {table.name} t where t.{column} = k.key and {rule}"
                f" and {_live(table, False)} and {after} order by {order_by(BY_ID, part)} limit {part.size + 1}) p",
                keys,
                *rule_args,
                *after_args,
            )
            found = defaultdict(list)
            for row in table.rows(records):
                found[getattr(row, column)].append(row)
            return [found[key] for key in keys]

        name = f"{table.name}_page_by_{column}:{part}"
        rows = await self._loader(name, table, load).load(key)
        return make_connection(rows, part, BY_ID, table.name, lambda: self._count(table, column).load(key))

    def _count(self, table: Table[Any], column: str) -> DataLoader[Any, int]:
        async def load(keys: list[Any]) -> list[int]:
            rule, rule_args = self._rule(table, 2)
            records = await self._reader.fetch(
                f"select t.{column} as key, count(*) as n from {table.name} t where t.{column} = any($1::bigint[])"
                f" and {rule} and {_live(table, False)} group by 1",
                keys,
                *rule_args,
            )
            found = {record["key"]: record["n"] for record in records}
            return [found.get(key, 0) for key in keys]

        return self._loader(f"{table.name}_count_by_{column}", table, load)

    async def _fetch(
        self, table: Table[Any], column: str, keys: list[Any], with_deleted: bool, key_type: str
    ) -> list[Any]:
        rule, rule_args = self._rule(table, 2)
        records = await self._reader.fetch(
            f"select {table.select_list('t')} from {table.name} t where t.{column} = any($1::{key_type}[])"
            f" and {rule} and {_live(table, with_deleted)} order by t.{column}{', t.id' if table.has('id') else ''}",
            keys,
            *rule_args,
        )
        return table.rows(records)

    def _rule(self, table: Table[Any], parameter: int) -> tuple[str, list[int]]:
        return condition(VISIBILITY[table.name], self._viewer, parameter)

    def _loader(self, name: str, table: Table[Any], load: Load) -> DataLoader[Any, Any]:
        VISIBILITY[table.name].check(self._viewer)
        if name not in self._made:
            self._made[name] = DataLoader(load_fn=load)
        return self._made[name]


def _live(table: Table[Any], with_deleted: bool) -> str:
    return "t.deleted_at is null" if table.has("deleted_at") and not with_deleted else "true"


def _skipping_none(load: Load) -> Load:
    """A null foreign key has no row; it is not worth a parameter."""

    async def loaded(keys: list[Any]) -> list[Any]:
        present = [key for key in keys if key is not None]
        found = dict(zip(present, await load(present) if present else [], strict=True))
        return [found.get(key) for key in keys]

    return loaded


async def _classified(found: Awaitable[Any], classify: Callable[[Any], Any]) -> Any:
    row = await found
    return None if row is None else classify(row)
