"""Compile a stored query: statements for a whole batch, and one generated Python function per selection."""

from collections.abc import Callable, Iterable
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    SelectionSetNode,
    get_named_type,
)

from app.db.keyset import BY_ID, encode_cursor, slice_of
from schema.declarations import ENTITIES, Leaf, Relation
from schema.stored.graph import declaration_of
from schema.stored.leaves import BailOut, column_completer, completer
from schema.stored.levels import Level
from schema.stored.selection import Fragments, Selected, Unsupported, arguments, collect

_PAGE = ("first", "after", "last", "before")
Sets = Iterable[SelectionSetNode]


class Code:
    """Python source that grows, and the objects that it names. `E` is no rows, `bail()` gives an entity up."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.names: dict[str, Any] = {"bail": _bail, "E": ()}

    def name(self, kind: str, value: Any) -> str:
        """A name for an object that the generated code calls or reads."""
        name = f"{kind}{len(self.names)}"
        self.names[name] = value
        return name

    def function(self, body: Iterable[str]) -> str:
        """Define `f(r, g)` — record, and each level's rows by key — and return its name."""
        name = f"f{len(self.names)}"
        self.names[name] = None
        self.lines += [f"def {name}(r, g):", *(f"    {line}" for line in body)]
        return name

    def built(self) -> dict[str, Any]:
        """Run the source; the names, functions included."""
        exec(compile("\n".join(self.lines), "<stored query>", "exec"), self.names)
        return self.names


def _bail() -> None:
    raise BailOut


class Compiler:
    """Walks one operation. Raises Unsupported for what only the reference executor knows."""

    def __init__(self, schema: GraphQLSchema, fragments: Fragments) -> None:
        self.schema = schema
        self.fragments = fragments
        self.code = Code()
        self.levels: list[Level] = []
        self.tables: set[str] = set()

    def level(self, relation: Relation, **given: Any) -> Level:
        level = Level(number=len(self.levels), relation=relation, **given)
        self.levels.append(level)
        self.tables.add(relation.target.name)
        return level

    def object(self, level: Level, alias: str, on: GraphQLObjectType, sets: Sets) -> str:
        """A function that builds one object of a type from a record in which its row stands under an alias."""
        view = _View(self, level, alias, on)
        items = [
            f"{selected.key!r}: {self._value(selected, level, alias, on, view)}"
            for selected in collect(self.schema, self.fragments, on, sets)
        ]
        return self.code.function([*view.lines(), f"return {{{', '.join(items)}}}"])

    def _value(self, selected: Selected, level: Level, alias: str, on: GraphQLObjectType, view: "_View") -> str:
        if selected.name == "__typename":
            return repr(on.name)
        field = on.fields[selected.name]
        declaration = declaration_of(field)
        given = arguments(field, selected.nodes[0])
        if isinstance(declaration, Leaf):
            return view.leaf(declaration, field, given)
        if not isinstance(declaration, Relation):
            raise Unsupported(f"{on.name}.{selected.name} has a resolver of its own")
        if declaration.is_paged:
            return self._connection(declaration, field, given, level, alias, selected)
        if declaration.is_list:
            return self._list(declaration, field, given, level, alias, selected)
        return self._one(declaration, field, given, level, alias, selected)

    def _one(
        self,
        relation: Relation,
        field: GraphQLField,
        given: dict[str, Any],
        level: Level,
        alias: str,
        selected: Selected,
    ) -> str:
        if relation.link is not None or given or relation.where() != "true":
            rows, child = self._child(relation, given, level, alias)
            build = self._row(child, "t", relation, field, selected)
            return f"({build}(x[0], g) if (x := {rows}) else {_absent(field)})"
        self.tables.add(relation.target.name)
        joined = level.join(alias, relation)
        place = level.column(joined, relation.remote)
        build = self._row(level, joined, relation, field, selected)
        return f"({build}(r, g) if r[{place}] is not None else {_absent(field)})"

    def _list(
        self,
        relation: Relation,
        field: GraphQLField,
        given: dict[str, Any],
        level: Level,
        alias: str,
        selected: Selected,
    ) -> str:
        rows, child = self._child(relation, given, level, alias)
        return f"[{self._row(child, 't', relation, field, selected)}(x, g) for x in {rows}]"

    def _child(self, relation: Relation, given: dict[str, Any], level: Level, alias: str) -> tuple[str, Level]:
        """A level below, and the expression of this record's rows in it."""
        child = self.level(relation, key=level.column(alias, relation.local), where=relation.where(**given))
        level.children.append(child)
        return f"g[{child.number}].get(r[{child.key}], E)", child

    def _row(self, level: Level, alias: str, relation: Relation, field: GraphQLField, selected: Selected) -> str:
        """A function that builds the row under an alias, as the object type or the union's member that it is."""
        named = get_named_type(field.type)
        if isinstance(named, GraphQLObjectType) and relation.classify is None:
            return self.object(level, alias, named, selected.selection_sets)
        if not isinstance(named, GraphQLUnionType) or relation.classify is None:
            raise Unsupported(f"{named.name} is not decided by its row")
        members = {
            ENTITIES[member.name].row: self.object(level, alias, member, selected.selection_sets)
            for member in named.types
        }
        whole = [level.column(alias, column) for column in relation.target.columns]
        of = self.code.name("c", _classified(relation, relation.classify))
        chosen = ", ".join(f"{self.code.name('t', row)}: {build}" for row, build in members.items())
        values = ", ".join(f"r[{place}]" for place in whole)
        return self.code.function([f"return {{{chosen}}}[{of}(({values},))](r, g)"])

    def _connection(
        self,
        relation: Relation,
        field: GraphQLField,
        given: dict[str, Any],
        level: Level,
        alias: str,
        selected: Selected,
    ) -> str:
        page = {name: given.pop(name) for name in _PAGE if name in given}
        part = slice_of(relation.target.name, BY_ID, **page)
        rows, child = self._child(relation, given, level, alias)
        child.part, child.has_rows = part, False
        child.column("t", "id")
        on = get_named_type(field.type)
        assert isinstance(on, GraphQLObjectType)
        items = [
            f"{one.key!r}: {self._page_part(one, child, on)}"
            for one in collect(self.schema, self.fragments, on, selected.selection_sets)
        ]
        # a: all rows with the one that tells of more; k: those of the page.
        cut = f"k = a[:{part.size}]" + ("[::-1]" if part.is_backward else "")
        build = self.code.function([f"a = {rows}", cut, f"return {{{', '.join(items)}}}"])
        return f"{build}(r, g)"

    def _page_part(self, selected: Selected, child: Level, on: GraphQLObjectType) -> str:
        if selected.name == "__typename":
            return repr(on.name)
        if selected.name == "totalCount":
            child.counts = True
            return f"g[{child.number}].get(('count', r[{child.key}]), 0)"
        child.has_rows = True
        of = get_named_type(on.fields[selected.name].type)
        assert isinstance(of, GraphQLObjectType)
        if selected.name == "pageInfo":
            return self._page_info(selected, child, of)
        if selected.name == "edges":
            return f"[{self._edge(selected, child, of)}(x, g) for x in k]"
        assert selected.name == "nodes"
        return f"[{self.object(child, 't', of, selected.selection_sets)}(x, g) for x in k]"

    def _edge(self, selected: Selected, child: Level, on: GraphQLObjectType) -> str:
        items = []
        for one in collect(self.schema, self.fragments, on, selected.selection_sets):
            if one.name == "__typename":
                value = repr(on.name)
            elif one.name == "cursor":
                value = f"{self._cursor(child)}(r[{child.column('t', 'id')}])"
            else:
                node = get_named_type(on.fields["node"].type)
                assert isinstance(node, GraphQLObjectType)
                value = f"{self.object(child, 't', node, one.selection_sets)}(r, g)"
            items.append(f"{one.key!r}: {value}")
        return self.code.function([f"return {{{', '.join(items)}}}"])

    def _page_info(self, selected: Selected, child: Level, on: GraphQLObjectType) -> str:
        part = child.part
        assert part is not None
        has_more, has_cursor = f"len(a) > {part.size}", repr(part.cursor is not None)
        cursor, place = self._cursor(child), child.column("t", "id")
        values = {
            "hasNextPage": has_cursor if part.is_backward else has_more,
            "hasPreviousPage": has_more if part.is_backward else has_cursor,
            "startCursor": f"{cursor}(k[0][{place}]) if k else None",
            "endCursor": f"{cursor}(k[-1][{place}]) if k else None",
            "__typename": repr(on.name),
        }
        found = collect(self.schema, self.fragments, on, selected.selection_sets)
        return f"{{{', '.join(f'{one.key!r}: {values[one.name]}' for one in found)}}}"

    def _cursor(self, child: Level) -> str:
        table = child.table.name
        return self.code.name("c", lambda row_id: encode_cursor(table, BY_ID, _Id(row_id)))


class _Id:
    """The little of a row that its cursor needs."""

    __slots__ = ("id",)

    def __init__(self, row_id: int) -> None:
        self.id = row_id


class _View:
    """What the pure functions of one object read: one small row with just these columns, made once per object."""

    def __init__(self, compiler: Compiler, level: Level, alias: str, on: GraphQLObjectType) -> None:
        self.code, self.level, self.alias = compiler.code, level, alias
        self.table = ENTITIES[on.name].table
        self.columns: dict[str, int] = {}

    def leaf(self, leaf: Leaf, field: GraphQLField, given: dict[str, Any]) -> str:
        if leaf.is_column:
            place = self.level.column(self.alias, leaf.reads[0])
            complete = column_completer(self.table, leaf.reads[0], field.type)
            return f"r[{place}]" if complete is None else f"{self.code.name('c', complete)}(r[{place}])"
        for column in leaf.reads:
            self.columns.setdefault(column, self.level.column(self.alias, column))
        compute = self.code.name("v", _with(leaf.compute, given))
        return f"{self.code.name('c', completer(field.type))}({compute}(w))"

    def lines(self) -> list[str]:
        if not self.columns:
            return []
        view = self.code.name("w", _view_class(tuple(self.columns)))
        values = []
        for column, place in self.columns.items():
            convert = self.table.converter(column)
            values.append(f"r[{place}]" if convert is None else f"{self.code.name('c', convert)}(r[{place}])")
        return [f"w = {view}({', '.join(values)})"]


def _view_class(columns: tuple[str, ...]) -> type:
    names: dict[str, Any] = {}
    body = "; ".join(f"self.{column} = {column}" for column in columns)
    exec(f"def __init__(self, {', '.join(columns)}): {body}", names)
    return type("View", (), {"__slots__": columns, "__init__": names["__init__"]})


def _with(compute: Callable[..., Any], given: dict[str, Any]) -> Callable[[Any], Any]:
    return (lambda row: compute(row, **given)) if given else compute


def _classified(relation: Relation, classify: Callable[[Any], Any]) -> Callable[[tuple[Any, ...]], type]:
    """Values of all of the target's columns → the class that its row is classified as."""
    target = relation.target

    def decide(values: tuple[Any, ...]) -> type:
        return type(classify(target.from_record(dict(zip(target.columns, values, strict=True)))))

    return decide


def _absent(field: GraphQLField) -> str:
    """What stands where no row is: null, or, where none may be, the reference executor's error."""
    return "bail()" if isinstance(field.type, GraphQLNonNull) else "None"
