"""Compile selections: levels of rows to be read, and one generated Python function per selection."""

from collections.abc import Callable
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)
from graphql.execution.values import VariableValues

from app.db.keyset import BY_ID, encode_cursor, newest_slice, slice_of
from app.db.table import Table
from schema.engine.plans.arguments import Arguments
from schema.engine.plans.code import Code
from schema.engine.plans.connections import ConnectionCode
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.plans.leaves import completer
from schema.engine.plans.levels import Level, Page
from schema.engine.plans.selection import SelectedField, Sets, collect
from schema.engine.plans.views import Classify, View, row_of, view_of
from schema.engine.selections import Fragments
from schema.entities.declarations import ENTITIES, Leaf, Owner, Relation
from schema.entities.declared import declaration_of

#: Characters of the code of one stored query, or of one root field of the API: about a hundred lists with all fields of
#: their rows. Compiling that much takes about half a second.
MAX_CHARACTERS = 100_000
PAGE_ARGUMENTS = frozenset({"first", "after", "last", "before"})


class Slots:
    """The values that the generated code reads besides rows, as `g[n]`.

    A slot is constant, or made anew for each run.
    """

    def __init__(self) -> None:
        self.constant: list[Any] = []
        self.made: list[tuple[int, Callable[[VariableValues | None], Any]]] = []

    def add(self, value: object = None) -> int:
        self.constant.append(value)
        return len(self.constant) - 1

    def make(self, given: Arguments, value_of: Callable[[dict[str, object]], object]) -> int:
        """Add a slot for a value that depends on a field's arguments; return its number."""
        if given.constant is not None:
            return self.add(value_of(given.of(None)))
        number = self.add()
        self.made.append((number, lambda variables: value_of(given.of(variables))))
        return number

    def values(self, variables: VariableValues | None) -> list[object]:
        """Return all slots of one run. Raises what graphql-core raises for wrong arguments."""
        values: list[object] = list(self.constant)
        for number, make in self.made:
            values[number] = make(variables)
        return values


class Compiler:
    """Compiles one selection. Raises UnsupportedQuery for what only the reference executor supports.

    Args:
        variables: The variables that decide `@skip` and `@include`. None if there are none.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        fragments: Fragments,
        *,
        variables: VariableValues | None = None,
    ) -> None:
        self.schema, self.fragments = schema, fragments
        self.variables = variables
        self.code, self.slots = Code(MAX_CHARACTERS), Slots()
        self.tables: set[str] = set()

    def selected(self, on: GraphQLObjectType, sets: Sets) -> list[SelectedField]:
        return collect(self.schema, self.fragments, on, sets, self.variables)

    def level(self, relation: Relation, page: int, parent: str = "") -> Level:
        self.tables.add(relation.target.name)
        return Level(number=self.slots.add(), relation=relation, page=page, parent=parent)

    def define_object(self, level: Level, alias: str, on: GraphQLObjectType, sets: Sets) -> str:
        """Define a function that builds one object from the columns of an alias; return its name."""
        view = View(self.code, level, alias, ENTITIES[on.name].table)
        items = [
            f"{selected.key!r}: {self._value(selected, level, alias, on, view)}" for selected in self.selected(on, sets)
        ]
        return self.code.function([*view.lines(), f"return {{{', '.join(items)}}}"])

    def define_row(
        self,
        level: Level,
        alias: str,
        table: Table[object],
        classify: Classify | None,
        named: GraphQLNamedType,
        sets: Sets,
    ) -> str:
        """Define a function that builds the object of an alias, or the union's member that its row decides."""
        sets = tuple(sets)
        if isinstance(named, GraphQLObjectType) and classify is None:
            return self.define_object(level, alias, named, sets)
        if not isinstance(named, GraphQLUnionType) or classify is None:
            raise UnsupportedQuery(f"{named.name} is not decided by its row")
        members = {ENTITIES[member.name].row: self.define_object(level, alias, member, sets) for member in named.types}
        whole = [level.column(alias, column) for column in table.columns]
        of = self.code.name("c", _classified(table, classify))
        chosen = ", ".join(f"{self.code.name('t', row)}: {build}" for row, build in members.items())
        values = ", ".join(f"r[{place}]" for place in whole)
        return self.code.function([f"return {{{chosen}}}[{of}(({values},))](r, g)"])

    def _value(self, selected: SelectedField, level: Level, alias: str, on: GraphQLObjectType, view: View) -> str:
        if selected.name == "__typename":
            return repr(on.name)
        field = on.fields[selected.name]
        declaration = declaration_of(field)
        if not isinstance(declaration, Leaf | Relation | Owner):
            raise UnsupportedQuery(f"{on.name}.{selected.name} has a resolver of its own")
        given = Arguments(self.schema, field, selected.nodes[0])
        if isinstance(declaration, Leaf):
            leaf = declaration.of_schema(self.schema)
            return view.leaf(leaf, field, given, lambda asked: self.slots.make(asked, lambda values: values))
        if isinstance(declaration, Owner):
            return self._owner(declaration, level, alias, selected)
        if declaration.is_paged:
            return self._connection(declaration, field, given, level, alias, selected)
        if declaration.is_list:
            return self._list(declaration, field, given, level, alias, selected)
        return self._one(declaration, field, given, level, alias, selected)

    def _one(
        self,
        relation: Relation,
        field: GraphQLField,
        given: Arguments,
        level: Level,
        alias: str,
        selected: SelectedField,
    ) -> str:
        named, sets = get_named_type(field.type), selected.selection_sets
        if relation.link is not None or given.constant != {} or relation.where() != "true":
            child = self._child(relation, given, level, alias)
            build = self.define_row(child, child.alias, relation.target, relation.classify, named, sets)
            return f"({build}(x[0], g) if (x := {self._rows(child, level)}) else {_missing_row_code(field)})"
        self.tables.add(relation.target.name)
        joined = level.join(alias, relation, only=relation.only)
        place = level.column(joined, relation.remote)
        if is_leaf_type(named) and relation.classify is not None:
            value = self._computed(level, joined, relation, relation.classify, field)
            return f"({value} if r[{place}] is not None else {_missing_row_code(field)})"
        build = self.define_row(level, joined, relation.target, relation.classify, named, sets)
        return f"({build}(r, g) if r[{place}] is not None else {_missing_row_code(field)})"

    def _computed(self, level: Level, alias: str, relation: Relation, classify: Classify, field: GraphQLField) -> str:
        """Return the expression of a leaf that is computed from the row of an alias."""
        values = ", ".join(f"r[{level.column(alias, column)}]" for column in relation.decides)
        view = self.code.name("w", view_of(relation.target, relation.decides))
        of, complete = self.code.name("c", classify), self.code.name("c", completer(field.type))
        return f"{complete}({of}({view}(({values},))))"

    def _owner(self, owner: Owner, level: Level, alias: str, selected: SelectedField) -> str:
        """Join each type that may be the owner; at most one of the joins finds a row.

        A type that the viewer may not see finds none. Then the reference executor answers.
        """
        chosen = []
        for name in owner.types:
            on = self.schema.type_map[name]
            assert isinstance(on, GraphQLObjectType)
            relation = Relation(target=ENTITIES[name].table, local=owner.local, remote="id", with_deleted=True)
            joined = level.join(alias, relation, only=(owner.type_column, name))
            place = level.column(joined, "id")
            chosen.append(f"{name!r}: ({place}, {self.define_object(level, joined, on, selected.selection_sets)})")
        named = level.column(alias, owner.type_column)
        lines = [f"p, f = {{{', '.join(chosen)}}}[r[{named}]]", "return f(r, g) if r[p] is not None else bail()"]
        return f"{self.code.function(lines)}(r, g)"

    def _list(
        self,
        relation: Relation,
        field: GraphQLField,
        given: Arguments,
        level: Level,
        alias: str,
        selected: SelectedField,
    ) -> str:
        child, named = self._child(relation, given, level, alias), get_named_type(field.type)
        if is_leaf_type(named) and relation.classify is not None:
            return self._summary(child, relation.classify, field, level)
        build = self.define_row(child, child.alias, relation.target, relation.classify, named, selected.selection_sets)
        return f"[{build}(x, g) for x in {self._rows(child, level)}]"

    def _summary(self, child: Level, classify: Classify, field: GraphQLField, level: Level) -> str:
        """Return the expression of a leaf that is computed from all rows of a list."""
        columns = child.relation.decides
        places = [child.column(child.alias, column) for column in columns]
        view = self.code.name("w", view_of(child.table, columns))
        of, complete = self.code.name("c", classify), self.code.name("c", completer(field.type))
        values = ", ".join(f"x[{place}]" for place in places)
        return f"{complete}({of}([{view}(({values},)) for x in {self._rows(child, level)}]))"

    def _connection(
        self,
        relation: Relation,
        field: GraphQLField,
        given: Arguments,
        level: Level,
        alias: str,
        selected: SelectedField,
    ) -> str:
        child = self._child(relation, given, level, alias)
        child.has_rows = False
        on, place = get_named_type(field.type), child.column(child.alias, "id")
        assert isinstance(on, GraphQLObjectType)
        cursor = self.code.name("c", _cursor_of_id(relation.target.name))
        connection = ConnectionCode(
            self, child, count=self._count(child, level), cursor=lambda record: f"{cursor}({record}[{place}])"
        )
        build = connection.function(on, selected, lambda: self._rows(child, level))
        return f"{build}(r, g)"

    def _child(self, relation: Relation, given: Arguments, level: Level, alias: str) -> Level:
        """Add a level for the rows that a relation of an alias leads to."""
        page = self.slots.make(given, lambda values: _page_of(relation, values))
        return self.level(relation, page, parent=alias)

    def _rows(self, child: Level, level: Level) -> str:
        """Return the expression of a row's list in a level below."""
        return f"r[{level.below(child)}]"

    def _count(self, child: Level, level: Level) -> Callable[[], str]:
        def expression() -> str:
            return f"r[{level.below(child, is_count=True)}]"

        return expression


def _page_of(relation: Relation, given: dict[str, Any]) -> Page:
    """Return the page that the arguments ask for. Raises InvalidInput."""
    if relation.newest:
        return Page(where=relation.where(), part=newest_slice(relation.newest, **given))
    if not relation.is_paged:
        return Page(where=relation.where(**given))
    page = {name: given.pop(name) for name in PAGE_ARGUMENTS & given.keys()}
    return Page(where=relation.where(**given), part=slice_of(relation.target.name, BY_ID, **page))


class _Id:
    """A row with the id only, which is all that its cursor needs."""

    __slots__ = ("id",)

    def __init__(self, row_id: int) -> None:
        self.id = row_id


def _cursor_of_id(resource: str) -> Callable[[int], str]:
    return lambda row_id: encode_cursor(resource, BY_ID, _Id(row_id))


def _classified(table: Table[object], classify: Classify) -> Callable[[tuple[Any, ...]], type]:
    """Return a function from the values of all columns of a table to the class of its row."""
    whole = row_of(table)
    return lambda values: type(classify(whole(values)))


def _missing_row_code(field: GraphQLField) -> str:
    """Return the expression for a missing row: null, or a bail-out if the field may not be null."""
    return "bail()" if isinstance(field.type, GraphQLNonNull) else "None"
