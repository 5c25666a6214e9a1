"""The generated code of a connection: `edges`, `nodes`, `pageInfo`, `totalCount`.

Its results equal those of schema/entities/connections.py.
"""

from collections.abc import Callable
from typing import Any, Protocol

from graphql import GraphQLNamedType, GraphQLObjectType, get_named_type

from app.db.table import Table
from schema.engine.plans.code import Code
from schema.engine.plans.levels import Level
from schema.engine.plans.selection import SelectedField, Sets
from schema.engine.plans.views import Classify


class RowCompiler(Protocol):
    """The part of the compiler that connections need."""

    code: Code

    def selected(self, on: GraphQLObjectType, sets: Sets) -> list[SelectedField]: ...

    def define_row(
        self,
        level: Level,
        alias: str,
        table: Table[object],
        classify: Classify | None,
        named: GraphQLNamedType,
        sets: Sets,
    ) -> str: ...


class ConnectionCode:
    """Writes the code of a connection over a level's rows.

    Args:
        count: Returns the expression of `totalCount`. It is called only if that is selected.
        cursor: Returns the expression of a row's cursor, given the expression of the row.
        classify: Turns each row into the object of the union's member. None for plain types.
    """

    def __init__(
        self,
        compiler: RowCompiler,
        level: Level,
        *,
        count: Callable[[], str],
        cursor: Callable[[str], str],
        classify: Classify | None = None,
    ) -> None:
        self.compiler, self.level = compiler, level
        self.count, self.cursor, self.classify = count, cursor, classify

    def function(self, on: GraphQLObjectType, selected: SelectedField, rows: Callable[[], str]) -> str:
        """Define a function that builds the connection; return its name.

        Args:
            rows: Returns the expression of the rows. It is called only if they are needed.
        """
        found = self.compiler.selected(on, selected.selection_sets)
        items = [f"{one.key!r}: {self._part(one, on)}" for one in found]
        lines = []
        if self.level.has_rows:
            # p: the page; a: all rows with the one that tells of more; k: those of the page.
            lines = [f"p = g[{self.level.page}].part", f"a = {rows()}", "k = a[:p.size]"]
            lines += ["if p.is_backward:", "    k = k[::-1]"]
        return self.compiler.code.function([*lines, f"return {{{', '.join(items)}}}"])

    def _part(self, selected: SelectedField, on: GraphQLObjectType) -> str:
        if selected.name == "__typename":
            return repr(on.name)
        if selected.name == "totalCount":
            return self.count()
        self.level.has_rows = True
        of = get_named_type(on.fields[selected.name].type)
        if selected.name == "nodes":
            return f"[{self._node(of, selected)}(x, g) for x in k]"
        assert isinstance(of, GraphQLObjectType)
        if selected.name == "pageInfo":
            return self._page_info(selected, of)
        assert selected.name == "edges"
        return f"[{self._edge(selected, of)}(x, g) for x in k]"

    def _node(self, of: Any, selected: SelectedField) -> str:
        level = self.level
        return self.compiler.define_row(level, level.alias, level.table, self.classify, of, selected.selection_sets)

    def _edge(self, selected: SelectedField, on: GraphQLObjectType) -> str:
        items = []
        for one in self.compiler.selected(on, selected.selection_sets):
            if one.name == "__typename":
                value = repr(on.name)
            elif one.name == "cursor":
                value = self.cursor("r")
            else:
                value = f"{self._node(get_named_type(on.fields['node'].type), one)}(r, g)"
            items.append(f"{one.key!r}: {value}")
        return self.compiler.code.function([f"return {{{', '.join(items)}}}"])

    def _page_info(self, selected: SelectedField, on: GraphQLObjectType) -> str:
        has_more, has_cursor = "len(a) > p.size", "p.cursor is not None"
        values = {
            "hasNextPage": lambda: f"{has_cursor} if p.is_backward else {has_more}",
            "hasPreviousPage": lambda: f"{has_more} if p.is_backward else {has_cursor}",
            "startCursor": lambda: f"{self.cursor('k[0]')} if k else None",
            "endCursor": lambda: f"{self.cursor('k[-1]')} if k else None",
            "__typename": lambda: repr(on.name),
        }
        found = self.compiler.selected(on, selected.selection_sets)
        self.level.looks_ahead |= any(one.name in ("hasNextPage", "hasPreviousPage") for one in found)
        return f"{{{', '.join(f'{one.key!r}: {values[one.name]()}' for one in found)}}}"
