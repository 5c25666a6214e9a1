"""Render stored queries in chunks. A query is rendered once per viewer and entity; a step shares its loaders."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

import orjson
from graphql import FieldNode, OperationDefinitionNode

from app.auth.viewers import Viewer
from app.db.graph import is_for_everyone
from app.db.pool import CONFLICTS, Connection
from app.settings import Settings
from schema import schema
from schema.engine.context import Context
from schema.engine.reader import Reader
from schema.engine.statements import visible_ids
from schema.entities.declarations import ENTITIES
from schema.stored.execute import RenderFailure, render_each
from schema.stored.validate import StoredQuery
from workers.publish.match import Match, UnrenderedMatch

M = TypeVar("M", Match, UnrenderedMatch)

#: Bytes of bodies that are rendered at once. They are in memory three times meanwhile, and nothing else runs while one
#: chunk is built.
CHUNK_BYTES: Final = 1024 * 1024
#: Entities of a query's first chunk, when the size of its bodies is not known yet.
FIRST_CHUNK: Final = 4
#: Mean bytes of a body above which a query is heavy.
HEAVY_BYTES: Final = 256 * 1024
#: Weight of the last chunk in the running mean of body sizes.
_WEIGHT: Final = 0.5


class Rendering(NamedTuple):
    """The rendered result of one query for one entity.

    Attributes:
        digest: SHA-256 of `body`.
        is_null: Whether the viewer does not see the entity (any more).
        is_comparable: Whether equal bytes mean an equal result. False with an internal error, which may go away.
    """

    body: bytes
    digest: bytes
    is_null: bool
    is_comparable: bool


@dataclass(frozen=True, slots=True)
class RenderKey:
    """The key of a rendering. Webhooks with the same query and owner get the same bytes."""

    query: StoredQuery
    viewer: Viewer


def key_of(match: Match) -> RenderKey:
    """Return the key of the rendering that a match needs."""
    return RenderKey(match.query, match.viewer)


#: Mean bytes of a query's bodies. An entry goes with its query.
_sizes: WeakKeyDictionary[StoredQuery, float] = WeakKeyDictionary()


def mean_bytes(query: StoredQuery) -> float | None:
    """Return the mean size of a query's bodies in bytes; None while none has been rendered."""
    return _sizes.get(query)


def chunk_size(query: StoredQuery, bytes_left: int) -> int:
    """Return how many entities to render at once, at least 1."""
    size = mean_bytes(query)
    if size is None:
        return FIRST_CHUNK
    return max(1, int(min(CHUNK_BYTES, max(bytes_left, 0)) / max(size, 1.0)))


class Renderer:
    """Renders within the publishing transaction, and so sees its state.

    With `is_careful`, each rendering has a savepoint, so that a rendering that fails in the database leaves the others
    intact.
    """

    def __init__(self, conn: Connection, settings: Settings, *, is_careful: bool = False) -> None:
        self.reader = Reader(conn)
        self._conn = conn
        self._settings = settings
        self._is_careful = is_careful
        self._contexts: dict[Viewer, Context] = {}

    async def visible(self, matches: Iterable[M]) -> list[M]:
        """Return the matches whose entity the webhook's owner sees. A deleted entity counts as its last seller's."""
        given = list(matches)
        # The operator sees everything.
        asked: dict[tuple[Viewer, str], set[int]] = {}
        for match in given:
            if not match.viewer.is_operator:
                asked.setdefault((match.viewer, match.change.entity_type), set()).add(match.change.entity_id)
        seen = {key: await self._seen(*key, ids) for key, ids in asked.items()}
        return [match for match in given if match.viewer.is_operator or _is_seen(match, seen)]

    async def render(self, key: RenderKey, ids: Sequence[int]) -> dict[int, Rendering | RenderFailure]:
        """Render one query for these entities. The number of statements depends on the query only.

        Raises:
            DATABASE_ERRORS: With `is_careful` only CONFLICTS and errors that ended the connection.
        """
        bodies = await self._bodies(key, ids)
        null = _null_body(key.query)
        rendered: dict[int, Rendering | RenderFailure] = {}
        total = 0
        for entity_id, body in bodies.items():
            if isinstance(body, RenderFailure):
                rendered[entity_id] = body
                continue
            total += len(body)
            rendered[entity_id] = Rendering(
                body=body,
                digest=hashlib.sha256(body).digest(),
                is_null=body == null,
                is_comparable=b'"code":"INTERNAL_SERVER_ERROR"' not in body,
            )
        _note_size(key.query, total / len(ids))
        return rendered

    async def _bodies(self, key: RenderKey, ids: Sequence[int]) -> Mapping[int, bytes | RenderFailure]:
        context = self._context(key.viewer)
        if not self._is_careful:
            return await render_each(schema, key.query, ids, context)
        bodies: dict[int, bytes | RenderFailure] = {}
        for entity_id in ids:
            bodies[entity_id] = await self._body_alone(key, entity_id)
        return bodies

    async def _body_alone(self, key: RenderKey, entity_id: int) -> bytes | RenderFailure:
        """Render one entity in a savepoint. If its plan fails, render it again by the reference executor."""
        for is_last in (False, True):
            try:
                async with self._conn.transaction():
                    # Loaders keep their failures, so the second try needs new ones.
                    self._contexts.pop(key.viewer, None)
                    return (await render_each(schema, key.query, [entity_id], self._context(key.viewer)))[entity_id]
            except Exception as error:
                if isinstance(error, CONFLICTS) or self._conn.is_closed():
                    raise
                if is_last:
                    return RenderFailure(error)
        raise AssertionError("the last time round returns")

    async def _seen(self, viewer: Viewer, entity_type: str, ids: set[int]) -> set[int]:
        """Return the ids that the viewer sees. Rows are not read: one unreadable value would fail the whole batch."""
        asked = visible_ids(ENTITIES[entity_type].table, viewer)
        return {record["id"] for record in await self.reader.fetch(asked.sql, list(ids), *asked.args)}

    def _context(self, viewer: Viewer) -> Context:
        if viewer not in self._contexts:
            self._contexts[viewer] = Context.for_rendering(self.reader, viewer, self._settings)
        return self._contexts[viewer]


def _is_seen(match: Match | UnrenderedMatch, seen: Mapping[tuple[Viewer, str], set[int]]) -> bool:
    change, viewer = match.change, match.viewer
    if is_for_everyone(change.entity_type):
        return True
    return change.entity_id in seen[viewer, change.entity_type] or change.seller_id == viewer.seller_id


def _null_body(query: StoredQuery) -> bytes:
    """Return the response whose only root field is null, without an error."""
    operation = next(node for node in query.document.definitions if isinstance(node, OperationDefinitionNode))
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    return orjson.dumps({"data": {root.alias.value if root.alias else root.name.value: None}})


def _note_size(query: StoredQuery, size: float) -> None:
    before = _sizes.get(query)
    _sizes[query] = size if before is None else (1 - _WEIGHT) * before + _WEIGHT * size
