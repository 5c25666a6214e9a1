"""The plan of objects of one type by their ids: one statement, however many there are and whatever they contain."""

from collections.abc import Sequence

from graphql import GraphQLObjectType

from app.auth.viewers import Viewer
from schema.engine.plans.compile import Compiler
from schema.engine.plans.json_rows import JsonRow
from schema.engine.plans.levels import Build, Page
from schema.engine.plans.selection import Sets
from schema.engine.plans.sql import SqlCache, SqlWriter, read
from schema.engine.reader import Reader
from schema.engine.statements import row_rule
from schema.entities.declarations import ENTITIES, Relation


class ObjectsPlan:
    """A compiled selection on objects of one type. `build(row, slots)` returns the object of a row.

    Raises UnsupportedQuery for what only the reference executor supports.
    """

    def __init__(self, compiler: Compiler, type_name: str, sets: Sets, *, with_deleted: bool = False) -> None:
        graphql_type = compiler.schema.type_map[type_name]
        assert isinstance(graphql_type, GraphQLObjectType)
        entity = ENTITIES[type_name]
        with_deleted = with_deleted or entity.is_stand_in
        by_id = Relation(target=entity.table, local="id", remote="id", with_deleted=with_deleted)
        self.compiler = compiler
        self._sql_cache = SqlCache(compiler)
        self._level = compiler.level(by_id, compiler.slots.add(Page()))
        self._where = entity.where
        self._id = self._level.column(self._level.alias, "id")
        build = compiler.define_object(self._level, self._level.alias, graphql_type, sets)
        self.build: Build = compiler.code.built()[build]

    async def rows(
        self, keys: Sequence[int], reader: Reader, viewer: Viewer, slots: Sequence[object]
    ) -> dict[int, JsonRow]:
        """Read the rows that the viewer may see, by their ids. Raises what a statement raises."""
        level = self._level
        rule, args = row_rule(level.relation, viewer, 2)
        # In a SELECT, so that PostgreSQL reuses its plan: by an array whose length it knows, it would plan each time.
        condition, key = (
            ("= any((select $1::bigint[])::bigint[])", list(keys)) if len(keys) > 1 else ("= $1::bigint", keys[0])
        )
        source = f"select t.* from {level.table.name} t where t.id {condition} and {rule} and {self._where}"
        rows = await read(reader, SqlWriter(viewer, slots, [key, *args]), level, self._sql_cache, source)
        return {row[self._id]: row for row in rows}
