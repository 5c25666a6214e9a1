"""Dataloaders: one statement answers for all rows that ask for a relation.

A dataloader is made on demand for each relation and its arguments.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, WHOLE, newest_slice, slice_of
from app.db.pool import Record
from app.db.table import Table
from app.errors import InvalidInput
from schema.engine import statements
from schema.engine.counts import count_rows
from schema.engine.reader import Reader
from schema.engine.statements import Statement
from schema.entities.connections import Connection, make_connection
from schema.entities.declarations import SCOPES, VISIBILITY, Listing, Relation

Load = Callable[[list[Any]], Awaitable[list[Any]]]
T = TypeVar("T")
_PAGE = ("first", "after", "last", "before")


class Loaders:
    """The dataloaders of one operation, or of one batch of renderings that share a viewer."""

    def __init__(self, reader: Reader, viewer: Viewer) -> None:
        self._reader = reader
        self._viewer = viewer
        self._made: dict[tuple[Any, ...], DataLoader[Any, Any]] = {}
        self._pending: set[asyncio.Future[Any]] = set()

    def related(self, relation: Relation, row: object, **arguments: object) -> Awaitable[object]:
        """Return a row's relation: a row or None, a list, or a Connection. Raises Forbidden, InvalidInput."""
        self._viewer.require(SCOPES[relation.target.name])
        VISIBILITY[relation.target.name].check(self._viewer)
        key = getattr(row, relation.local)
        if relation.only is not None and getattr(row, relation.only[0]) != relation.only[1]:
            key = None
        if relation.is_paged:
            return self._paged(relation, key, **arguments)
        if relation.newest:
            return self._newest(relation, key, **arguments)
        found = self._load(self._rows(relation, relation.where(**arguments)), key)
        return found if relation.classify is None else _classified(found, relation.classify)

    def by_id(
        self, table: Table[object], key: int, *, with_deleted: bool = False, where: str = "true"
    ) -> Awaitable[Any]:
        """Return the row, or None if it does not exist or the viewer may not see it. Raises Forbidden.

        Args:
            where: A condition of the row, over the alias `t`.
        """
        VISIBILITY[table.name].check(self._viewer)
        relation = Relation(target=table, local="id", remote="id", with_deleted=with_deleted)
        return self._load(self._rows(relation, where), key)

    def forget(self) -> None:
        """Drop all rows that were read: a mutation has changed them."""
        self._made.clear()

    def wait_for(self, future: asyncio.Future[Any]) -> None:
        """Have `settle` wait for a read, or for fields that go on after the answer."""
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    async def settle(self) -> None:
        """Wait until no statement runs, also for resolvers that an error has cancelled. Then the connection is free."""
        while self._pending:
            await asyncio.wait(self._pending)

    async def listed(self, listing: Listing, **arguments: object) -> Connection[object]:
        """Return one page of a root list. Raises Forbidden, InvalidInput."""
        self._viewer.require(listing.scope)
        table = listing.target
        VISIBILITY[table.name].check(self._viewer)
        page, filters = _split(arguments)
        asked = listing.ask(self._viewer, **filters)
        part = slice_of(table.name, asked.sort, **page)
        found = statements.listed_rows(table, self._viewer, asked, part)
        rows = table.rows(await self._read(found))
        if listing.classify is not None:
            rows = [listing.classify(row) for row in rows]

        async def count() -> int:
            return await self._shielded(count_rows(self._reader, table, self._viewer, asked))

        return make_connection(rows, part, asked.sort, table.name, count)

    async def whole(self, listing: Listing, **arguments: object) -> list[object]:
        """Return a root list without pages. Raises Forbidden, and InvalidInput if it exceeds the longest page."""
        self._viewer.require(listing.scope)
        VISIBILITY[listing.target.name].check(self._viewer)
        found = statements.listed_rows(listing.target, self._viewer, listing.ask(self._viewer, **arguments), WHOLE)
        rows = listing.target.rows(await self._read(found))
        if len(rows) > WHOLE.size:
            raise InvalidInput(f"More than {WHOLE.size} match: ask for less.", code="TOO_MANY")
        return rows

    async def _paged(self, relation: Relation, key: int, **arguments: Any) -> Connection[Any]:
        table = relation.target
        page, filters = _split(arguments)
        part, where = slice_of(table.name, BY_ID, **page), relation.where(**filters)

        def load() -> Load:
            return self._grouped(relation, statements.related_pages(relation, self._viewer, where, part))

        rows = await self._load(self._loader((*_identity(relation), "page", where, part), load), key)
        return make_connection(rows, part, BY_ID, table.name, lambda: self._load(self._count(relation, where), key))

    def _newest(self, relation: Relation, key: int, **arguments: Any) -> Awaitable[list[object]]:
        part = newest_slice(relation.newest, **arguments)
        # The statement reads one row more, which only pages need.
        read = replace(part, size=part.size - 1)

        def load() -> Load:
            return self._grouped(relation, statements.related_pages(relation, self._viewer, relation.where(), read))

        return self._load(self._loader((*_identity(relation), "newest", part), load), key)

    def _rows(self, relation: Relation, where: str) -> DataLoader[Any, Any]:
        def load() -> Load:
            grouped = self._grouped(relation, statements.related_rows(relation, self._viewer, where))
            return _skipping_none(grouped if relation.is_list else _first(grouped))

        return self._loader((*_identity(relation), "rows", where), load)

    def _count(self, relation: Relation, where: str) -> DataLoader[Any, int]:
        statement = statements.related_counts(relation, self._viewer, where)

        async def load(keys: list[Any]) -> list[Any]:
            records = await self._reader.fetch(statement.sql, keys, *statement.args)
            found = {record["key"]: record["n"] for record in records}
            return [found.get(key, 0) for key in keys]

        return self._loader((*_identity(relation), "count", where), lambda: load)

    def _grouped(self, relation: Relation, statement: Statement) -> Load:
        """Return a function that reads each key's rows in the statement's order; an empty list if there are none."""

        async def load(keys: list[Any]) -> list[Any]:
            found = defaultdict(list)
            for record in await self._reader.fetch(statement.sql, keys, *statement.args):
                found[record["of_key"]].append(relation.target.from_record(record))
            return [found[key] for key in keys]

        return load

    def _load(self, loader: DataLoader[Any, Any], key: Any) -> Awaitable[Any]:
        """Load one key.

        Several resolvers may wait for the same read. An error cancels one of them; the read must go on for the others.
        """
        return self._shielded(loader.load(key))

    def _read(self, statement: Statement) -> Awaitable[list[Record]]:
        """Read for one field alone. An error of another one cancels it, and must not break off what is being read."""
        return self._shielded(self._reader.fetch(statement.sql, *statement.args))

    def _shielded(self, reading: Awaitable[T]) -> Awaitable[T]:
        found = asyncio.ensure_future(reading)
        if not found.done() and found not in self._pending:
            self.wait_for(found)
        return asyncio.shield(found)

    def _loader(self, name: tuple[Any, ...], make: Callable[[], Load]) -> DataLoader[Any, Any]:
        if name not in self._made:
            self._made[name] = DataLoader(load_fn=make())
        return self._made[name]


def _identity(relation: Relation) -> tuple[Any, ...]:
    """Return the key of a loader. Relations that find the same rows share one: `seller` of all types, for example."""
    return relation.target.name, relation.remote, relation.link, relation.is_list, relation.with_deleted


def _split(arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split arguments into Relay's four and the field's own."""
    page = {name: value for name, value in arguments.items() if name in _PAGE}
    return page, {name: value for name, value in arguments.items() if name not in _PAGE}


def _first(load: Load) -> Load:
    async def loaded(keys: list[Any]) -> list[Any]:
        return [rows[0] if rows else None for rows in await load(keys)]

    return loaded


def _skipping_none(load: Load) -> Load:
    """Wrap a function so that null keys, which have no row, are not sent to the database."""

    async def loaded(keys: list[Any]) -> list[Any]:
        present = [key for key in keys if key is not None]
        found = dict(zip(present, await load(present) if present else [], strict=True))
        return [found.get(key) for key in keys]

    return loaded


async def _classified(found: Awaitable[Any], classify: Callable[[Any], Any]) -> Any:
    row = await found
    return None if row is None else classify(row)
