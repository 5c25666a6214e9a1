"""A stored query as a plan: few statements and generated Python render a whole batch of entities.

Equal, byte for byte, to what the reference executor gives. What a plan does not know, or anything out of the
ordinary at run time (an error, a null where none may be), is left to the reference executor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import structlog
from graphql import FieldNode, FragmentDefinitionNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode

from app.auth import Viewer
from app.errors import TellgraphError
from schema.context import Reader
from schema.declarations import ENTITIES, VISIBILITY, Relation
from schema.statements import related_counts
from schema.stored.compile import Compiler
from schema.stored.levels import Build, Level, Rows, rows_statement
from schema.stored.selection import Unsupported
from schema.stored.validate import StoredQuery

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """levels[0] is the root; `build` makes the root object of one of its records."""

    key: str
    levels: Sequence[Level]
    tables: frozenset[str]
    build: Build

    def serves(self, viewer: Viewer) -> bool:
        """Whether nothing that it reads is forbidden to the viewer as such: that is an error, with a path."""
        try:
            for table in self.tables:
                VISIBILITY[table].check(viewer)
        except TellgraphError:
            return False
        return True

    async def render(self, reader: Reader, viewer: Viewer, ids: Sequence[int]) -> dict[int, bytes]:
        """The response of each entity as compact JSON; entities that bailed out are not among them.

        One statement per list of the query, and one per `totalCount`, whatever the number of ids.
        """
        groups: list[Rows] = [{} for _ in self.levels]
        await _fetch(self.levels[0], list(ids), reader, viewer, groups)
        rendered = {}
        for entity_id in ids:
            rows = groups[0].get(entity_id)
            try:
                node = self.build(rows[0], groups) if rows else None
                rendered[entity_id] = orjson.dumps({"data": {self.key: node}})
            except Exception as error:
                # Whatever it is, the reference executor says it in GraphQL's words.
                _log.debug("plan.bailed_out", entity_id=entity_id, error=repr(error))
        return rendered


@lru_cache(maxsize=10_000)
def plan_of(schema: GraphQLSchema, query: StoredQuery) -> Plan | None:
    """Compile a stored query; None when it has a form that only the reference executor knows."""
    document = query.document
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    assert root.selection_set is not None
    graphql_type = schema.type_map[query.entity_type]
    assert isinstance(graphql_type, GraphQLObjectType)
    if root.directives or operation.directives:
        return None
    compiler = Compiler(schema, fragments)
    try:
        target = ENTITIES[query.entity_type].table
        level = compiler.level(Relation(target=target, local="id", remote="id", with_deleted=True))
        build = compiler.object(level, "t", graphql_type, [root.selection_set])
        names = compiler.code.built()
    except (Unsupported, TellgraphError) as error:
        _log.info("plan.unsupported", reason=str(error))
        return None
    return Plan(
        key=root.alias.value if root.alias else "node",
        levels=tuple(compiler.levels),
        tables=frozenset(compiler.tables),
        build=names[build],
    )


async def _fetch(level: Level, keys: list[Any], reader: Reader, viewer: Viewer, groups: list[Rows]) -> None:
    """Read a level's rows for all keys at once, then the levels below it."""
    group = groups[level.number]
    if level.counts:
        counted = related_counts(level.relation, viewer, level.where)
        for record in await reader.fetch(counted.sql, keys, *counted.args):
            group["count", record["key"]] = record["n"]
    if not level.has_rows:
        return
    statement = rows_statement(level, viewer)
    records = await reader.fetch(statement.sql, keys, *statement.args)
    for record in records:
        group.setdefault(record[0], []).append(record)
    for child in level.children:
        found = {record[child.key] for record in records} - {None}
        if found:
            await _fetch(child, list(found), reader, viewer, groups)
