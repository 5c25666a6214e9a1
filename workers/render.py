"""Render stored queries for a batch: one rendering per query, viewer and entity; loaders shared over the batch."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from app.auth import Viewer
from app.db.pool import Connection
from app.db.webhook_events import Payload
from app.settings import Settings
from schema.context import Context, Reader
from schema.declarations import ENTITIES
from schema.loaders import Loaders
from schema.statements import seen_ids
from schema.stored.execute import render_stored_query
from schema.stored.validate import StoredQuery
from workers.match import Match, MissedMatch, Unrendered

M = TypeVar("M", Match, Unrendered, MissedMatch)


@dataclass(frozen=True, slots=True)
class RenderKey:
    """Two webhooks with the same key are given the same bytes."""

    text: str
    viewer: Viewer
    entity_type: str
    entity_id: int


def key_of(match: Match) -> RenderKey:
    return RenderKey(match.query.text, match.viewer, match.change.entity_type, match.change.entity_id)


class Renderer:
    """Renders on the publishing transaction's connection, as it is at that moment."""

    def __init__(self, conn: Connection, settings: Settings) -> None:
        self.reader = Reader(conn)
        self._settings = settings
        self._contexts: dict[Viewer, Context] = {}

    async def visible(self, matches: Iterable[M]) -> list[M]:
        """Those whose entity the webhook's owner sees. What was deleted for good counts as its last seller's."""
        given = list(matches)
        # The operator sees everything.
        asked: dict[tuple[Viewer, str], set[int]] = {}
        for match in given:
            if not match.viewer.is_operator:
                asked.setdefault((match.viewer, match.change.entity_type), set()).add(match.change.entity_id)
        seen = {key: await self._seen(*key, ids) for key, ids in asked.items()}
        return [match for match in given if match.viewer.is_operator or _is_seen(match, seen)]

    async def render(self, matches: Iterable[Match]) -> dict[RenderKey, Payload]:
        """The response of each match, once per key. The statements depend on the queries, not on the entities."""
        wanted: dict[tuple[StoredQuery, Viewer], dict[int, RenderKey]] = {}
        for match in matches:
            wanted.setdefault((match.query, match.viewer), {})[match.change.entity_id] = key_of(match)
        rendered: dict[RenderKey, Payload] = {}
        for (query, viewer), keys in wanted.items():
            bodies = await render_stored_query(query, list(keys), self._context(viewer))
            for entity_id, key in keys.items():
                body = bodies[entity_id]
                rendered[key] = Payload(digest=hashlib.sha256(body).digest(), body=body)
        return rendered

    async def _seen(self, viewer: Viewer, entity_type: str, ids: set[int]) -> set[int]:
        """Not by their rows: a value in one of them that can't be read would keep the whole batch from its webhooks."""
        asked = seen_ids(ENTITIES[entity_type].table, viewer)
        return {record["id"] for record in await self.reader.fetch(asked.sql, list(ids), *asked.args)}

    def _context(self, viewer: Viewer) -> Context:
        if viewer not in self._contexts:
            self._contexts[viewer] = Context(
                viewer=viewer,
                reader=self.reader,
                loaders=Loaders(self.reader, viewer),
                settings=self._settings,
                sees_deleted=True,
            )
        return self._contexts[viewer]


def _is_seen(match: Match | Unrendered | MissedMatch, seen: Mapping[tuple[Viewer, str], set[int]]) -> bool:
    change, viewer = match.change, match.viewer
    return change.entity_id in seen[viewer, change.entity_type] or change.seller_id == viewer.seller_id
