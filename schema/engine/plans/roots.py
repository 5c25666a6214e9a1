"""The root fields of an operation. Each is compiled on its own: one statement, and another for `totalCount`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from graphql import GraphQLError, GraphQLField, GraphQLObjectType, GraphQLSchema, get_named_type
from graphql.execution.values import VariableValues

from app.auth.viewers import Viewer
from app.db.keyset import WHOLE, Slice, Sort, encode_cursor, order_by, slice_of
from app.errors import TellgraphError
from schema.engine.counts import count_rows
from schema.engine.plans.arguments import Arguments
from schema.engine.plans.compile import PAGE_ARGUMENTS, Compiler
from schema.engine.plans.connections import ConnectionCode
from schema.engine.plans.errors import BailOut, MissingPlan, UnsupportedQuery
from schema.engine.plans.json_rows import value_sql
from schema.engine.plans.levels import Build, Level, Page
from schema.engine.plans.objects_plan import ObjectsPlan
from schema.engine.plans.selection import SelectedField
from schema.engine.plans.sql import SqlCache, SqlWriter, read
from schema.engine.plans.views import view_of
from schema.engine.reader import Reader
from schema.engine.selections import Fragments
from schema.engine.statements import Statement, listed_rows
from schema.entities.declarations import ENTITIES, Listing, ListQuery, Lookup, Relation
from schema.entities.lookups import find_keys
from schema.entities.permissions import may_read

_log = structlog.get_logger()


class Root(Protocol):
    """The plan of one root field. After any exception of `value` the reference executor must answer instead."""

    @property
    def characters(self) -> int:
        """Return the length of the generated code, as a measure of memory."""
        ...

    def prepare(self, variables: VariableValues | None) -> None:
        """Compile the parts that these variables need. Raises what graphql-core raises for wrong arguments."""
        ...

    async def value(self, reader: Reader, viewer: Viewer, variables: VariableValues | None) -> object: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RootField:
    """A selected field of the root type, with its schema, its fragments and the variables of its conditions."""

    schema: GraphQLSchema
    fragments: Fragments
    variables: VariableValues | None
    field: GraphQLField
    selected: SelectedField

    def compiler(self) -> Compiler:
        return Compiler(self.schema, self.fragments, variables=self.variables)

    def arguments(self) -> Arguments:
        return Arguments(self.schema, self.field, self.selected.nodes[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class _AskedPage:
    """The page of a root list that a request asks for.

    Attributes:
        rows: The statement of the page's rows; None if only their number is selected.
        order: Its order, as a clause that follows the whole statement.
    """

    query: ListQuery
    part: Slice
    rows: Statement | None
    order: str


class ListingRoot:
    """The plan of a root list: one page of a table."""

    def __init__(self, root_field: RootField, listing: Listing) -> None:
        self._listing, self._given = listing, root_field.arguments()
        self._compiler = compiler = root_field.compiler()
        self._sql_cache = SqlCache(compiler)
        self._page, self._count, self._cursor = (compiler.slots.add() for _ in range(3))
        self._level = compiler.level(_by_id(listing.target), self._page)
        self._has_cursors = False
        self._kept: _AskedPage | None = None
        on = get_named_type(root_field.field.type)
        assert isinstance(on, GraphQLObjectType)
        build = self._list(on, root_field.selected) if listing.is_whole else self._connection(on, root_field.selected)
        self._build: Build = compiler.code.built()[build]

    def _list(self, on: GraphQLObjectType, selected: SelectedField) -> str:
        level = self._level
        level.looks_ahead = True
        row = self._compiler.define_row(
            level, level.alias, level.table, self._listing.classify, on, selected.selection_sets
        )
        return self._compiler.code.function([f"return [{row}(x, g) for x in g[{level.number}]]"])

    def _connection(self, on: GraphQLObjectType, selected: SelectedField) -> str:
        level = self._level
        level.has_rows = False
        connection = ConnectionCode(
            self._compiler, level, count=self._count_code, cursor=self._cursor_of, classify=self._listing.classify
        )
        return connection.function(on, selected, lambda: f"g[{level.number}]")

    @property
    def characters(self) -> int:
        return self._compiler.code.characters

    def prepare(self, variables: VariableValues | None) -> None:
        """Do nothing: the plan is the same for all variables."""

    async def value(self, reader: Reader, viewer: Viewer, variables: VariableValues | None) -> object:
        listing, level = self._listing, self._level
        _require(viewer, self._compiler)
        viewer.require(listing.scope)
        asked = self._asked_page(viewer, variables)
        slots = self._compiler.slots.values(variables)
        slots[self._page] = Page(part=asked.part)
        if asked.rows is not None:
            await self._fetch(reader, viewer, asked, asked.rows, slots)
        if level.counts:
            slots[self._count] = await count_rows(reader, level.table, viewer, asked.query)
        return self._build(None, slots)

    def _asked_page(self, viewer: Viewer, variables: VariableValues | None) -> _AskedPage:
        """Return what a request asks for. It is kept if it is the same in each request of the operator."""
        if not viewer.is_operator or self._given.constant is None:
            return self._ask(viewer, variables)
        if self._kept is None:
            self._kept = self._ask(viewer, variables)
        return self._kept

    def _ask(self, viewer: Viewer, variables: VariableValues | None) -> _AskedPage:
        level, given = self._level, self._given.of(variables)
        page: dict[str, Any] = {name: given.pop(name) for name in PAGE_ARGUMENTS & given.keys()}
        query = self._listing.ask(viewer, **given)
        part = WHOLE if self._listing.is_whole else slice_of(level.table.name, query.sort, **page)
        rows = listed_rows(level.table, viewer, query, level.read(part)) if level.has_rows else None
        return _AskedPage(
            query=query, part=part, rows=rows, order=f" order by {order_by(query.sort, part, level.alias)}"
        )

    async def _fetch(
        self, reader: Reader, viewer: Viewer, asked: _AskedPage, rows: Statement, slots: list[Any]
    ) -> None:
        level = self._level
        extra: tuple[str, ...] = ()
        if self._has_cursors:
            extra = tuple(dict.fromkeys(("id", *(column for key in asked.query.sort.keys for column in key.reads))))
            slots[self._cursor] = _cursors(level, asked.query.sort, extra)
        slots[level.number] = await read(
            reader,
            SqlWriter(viewer, slots, rows.args),
            level,
            self._sql_cache,
            rows.sql,
            order=asked.order,
            extra=[value_sql(level.table, level.alias, column) for column in extra],
        )
        if self._listing.is_whole and len(slots[level.number]) > asked.part.size:
            raise BailOut

    def _count_code(self) -> str:
        self._level.counts = True
        return f"g[{self._count}]"

    def _cursor_of(self, record: str) -> str:
        self._has_cursors = True
        return f"g[{self._cursor}]({record})"


class LookupRoot:
    """The plan of a field that finds objects by global ids. It is compiled for each type that is asked for."""

    def __init__(self, root_field: RootField, lookup: Lookup) -> None:
        self._site, self._lookup, self._given = root_field, lookup, root_field.arguments()
        self._types: dict[str, ObjectsPlan | None] = {}

    @property
    def characters(self) -> int:
        return sum(one.compiler.code.characters for one in self._types.values() if one is not None)

    def prepare(self, variables: VariableValues | None) -> None:
        for type_name, _ in self._keys(variables):
            if type_name not in self._types:
                self._types[type_name] = self._compile(type_name)

    def _compile(self, type_name: str) -> ObjectsPlan | None:
        """Compile the selection for one type; None if only the reference executor supports it."""
        try:
            return ObjectsPlan(self._site.compiler(), type_name, self._site.selected.selection_sets)
        except (UnsupportedQuery, TellgraphError, GraphQLError) as error:
            _log.info("plan.unsupported", type=type_name, reason=str(error))
        except Exception as error:
            _log.warning("plan.failed", type=type_name, exc_info=error)
        return None

    async def value(self, reader: Reader, viewer: Viewer, variables: VariableValues | None) -> object:
        wanted = self._keys(variables)
        keys: dict[str, list[int]] = {}
        for type_name, key in wanted:
            keys.setdefault(type_name, []).append(key)
        types = {type_name: self._type(type_name, viewer) for type_name in keys}
        found = {
            (type_name, key): node
            for type_name, of_type in types.items()
            for key, node in (await _nodes(of_type, keys[type_name], reader, viewer, variables)).items()
        }
        nodes = [found.get(one) for one in wanted]
        return nodes if self._lookup.is_list else nodes[0]

    def _type(self, type_name: str, viewer: Viewer) -> ObjectsPlan:
        if type_name not in self._types:
            raise MissingPlan
        found = self._types[type_name]
        if found is None:
            raise BailOut
        viewer.require(ENTITIES[type_name].scope)
        _require(viewer, found.compiler)
        return found

    def _keys(self, variables: VariableValues | None) -> list[tuple[str, int]]:
        return find_keys(self._lookup, self._given.of(variables)[self._lookup.argument])


async def _nodes(
    objects: ObjectsPlan, keys: Sequence[int], reader: Reader, viewer: Viewer, variables: VariableValues | None
) -> dict[int, Any]:
    slots = objects.compiler.slots.values(variables)
    rows = await objects.rows(keys, reader, viewer, slots)
    return {key: objects.build(row, slots) for key, row in rows.items()}


def _by_id(target: Any) -> Relation:
    return Relation(target=target, local="id", remote="id")


def _require(viewer: Viewer, compiler: Compiler) -> None:
    if not may_read(viewer, compiler.tables):
        raise BailOut


def _cursors(level: Level, sort: Sort, columns: tuple[str, ...]) -> Callable[[Any], str]:
    """Return a function from a row to its cursor, which is made of the row's last columns."""
    row, resource = view_of(level.table, columns), level.table.name
    first, end = len(level.columns), len(level.columns) + len(columns)
    return lambda record: encode_cursor(resource, sort, row(record[first:end]))
