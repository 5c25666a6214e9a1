"""A marketplace's life by mutations: each tells of exactly the entities whose stored query answers differently.

The operator, a seller and a stranger watch the same life. For a seller, an entity is there while it can see it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import asyncpg

from app.auth.viewers import OPERATOR, Viewer
from app.db.graph import is_for_everyone
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.services.webhook_klasses import is_operators_only
from schema import schema
from schema.entities.declarations import ENTITIES
from schema.entities.declared import declaration_of
from schema.entities.global_ids import decode
from schema.stored.execute import render_stored_query
from schema.stored.validate import StoredQuery
from schema.stored.watched import whole_of
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller
from tests.schema import walk
from tests.schema.differences import KLASSES, Path, differences, everything, is_only_referred_to, nodes
from tests.schema.mutations.test_audit import row_field, send
from tests.support.every_mutation import create_scene, inputs
from tests.support.outbox import MadeEvent, Publisher, running_publisher
from tests.support.platform import Platform

#: Relations that the queries go down.
DEPTH = 2
#: They change nothing of the marketplace.
OF_MESSAGES = ("webhook", "apiKey", "changeEvents")
Entity = tuple[WebhookKlass, int]


@dataclass(frozen=True, kw_only=True)
class State:
    """The answers of every query, the entities that are there, and when each was last changed."""

    answers: Mapping[Entity, bytes]
    there: frozenset[Entity]
    updated_at: Mapping[Entity, datetime]

    def compare(self, after: "State") -> dict[Entity, tuple[str, set[Path]]]:
        """Return the event of each entity whose answer differs afterwards, and the paths that differ."""
        found: dict[Entity, tuple[str, set[Path]]] = {}
        found |= {entity: ("create", set()) for entity in after.there - self.there}
        found |= {entity: ("destroy", set()) for entity in self.there - after.there}
        for entity in self.there & after.there:
            old, new = self.answers[entity], after.answers[entity]
            if old != new:
                found[entity] = ("update", set(differences(*nodes(old, new))))
        return found


@cache
def queries() -> Mapping[WebhookKlass, StoredQuery]:
    return {klass: everything(klass, DEPTH) for klass in KLASSES}


def klasses_of(viewer: Viewer) -> list[WebhookKlass]:
    return [klass for klass in KLASSES if viewer.is_operator or not is_operators_only(klass)]


async def read_state(conn: asyncpg.Connection, viewer: Viewer) -> State:
    answers: dict[Entity, bytes] = {}
    there: set[Entity] = set()
    updated_at: dict[Entity, datetime] = {}
    context = walk.unlimited(conn, viewer, is_rendering=True)
    for klass in klasses_of(viewer):
        table = ENTITIES[klass.entity_type].table
        deleted = "deleted_at is not null" if table.has("deleted_at") else "false"
        rows = await conn.fetch(f"select id, updated_at, {deleted} as is_deleted from {table.name}")
        rendered = await render_stored_query(schema, queries()[klass], [row["id"] for row in rows], context)
        for row in rows:
            entity = (klass, row["id"])
            answers[entity], updated_at[entity] = rendered[row["id"]], row["updated_at"]
            is_seen = nodes(answers[entity]) != [None]
            there |= {entity} if is_seen and not row["is_deleted"] else set()
    return State(answers=answers, there=frozenset(there), updated_at=updated_at)


def leads_to_siblings(klass: WebhookKlass, path: Path) -> bool:
    """Tell whether a path shows rows beside the entity, through what it is a part of, or when those were changed."""
    whole, own = whole_of(klass.entity_type), ENTITIES[klass.entity_type].table.name
    to = [getattr(declaration_of(walk.object_type(of).fields[name]), "target", None) for of, name in path]
    targets = [None if one is None else one.name for one in to]
    return targets[0] is not None and targets[0] == whole and (own in targets or path[-1][1] == "updatedAt")


@dataclass(slots=True, kw_only=True)
class Watcher:
    """One owner's webhooks.

    Attributes:
        told: The types that it was told of so far.
        wrong: What was told without need, or not told, or told without a new `updatedAt`.
    """

    viewer: Viewer
    webhooks: Mapping[int, WebhookKlass]
    state: State
    told: set[WebhookKlass] = field(default_factory=set)
    wrong: set[tuple[Any, ...]] = field(default_factory=set)

    async def judge(self, conn: asyncpg.Connection, mutation: str, made: Sequence[MadeEvent]) -> None:
        """Compare what was told with what differs."""
        before, self.state = self.state, await read_state(conn, self.viewer)
        differing = before.compare(self.state)
        told = {
            (self.webhooks[one.webhook_id], one.entity[1]): one.event_name
            for one in made
            if one.webhook_id in self.webhooks and one.state == "PENDING"
        }
        for entity in told.keys() | differing.keys():
            event, paths = differing.get(entity, ("", set()))
            is_told = told.get(entity) == event
            may_be_untold = entity not in told and all(is_only_referred_to(entity[0], path) for path in paths)
            if not is_told and not (paths and may_be_untold):
                self.wrong.add((mutation, *entity, "told", told.get(entity), "differs", event, *sorted(paths)[:3]))
            elif is_told and event == "update":
                is_of_siblings = all(leads_to_siblings(entity[0], path) for path in paths)
                if self.state.updated_at[entity] <= before.updated_at[entity] and not is_of_siblings:
                    self.wrong.add((mutation, *entity, "updatedAt is the same", *sorted(paths)[:3]))
        self.told |= {klass for klass, _ in told}


@dataclass(slots=True, kw_only=True)
class Life:
    """The story so far. `seen`: the events that were made before the present mutation."""

    api: Platform
    publisher: Publisher
    watchers: Sequence[Watcher]
    seen: set[int]

    async def carry_out(self, mutation: str, given: Mapping[str, Any]) -> str:
        answer = (await send(self.api, mutation, dict(given))).json()
        assert "errors" not in answer, (mutation, answer)
        assert answer["data"][mutation]["status"] == 200, (mutation, answer)
        made = [one for one in await self.publisher.publish() if one.id not in self.seen]
        for watcher in self.watchers:
            await watcher.judge(self.api.conn, mutation, made)
        self.seen |= {one.id for one in made}
        await self.publisher.deliver()
        row = answer["data"][mutation].get(row_field(mutation), {})
        return ("" if isinstance(row, list) else row.get("id")) or given.get("owner", "")


async def watch(conn: asyncpg.Connection, viewer: Viewer) -> dict[int, WebhookKlass]:
    """Register a webhook of each type that the owner can have."""
    webhooks: dict[int, WebhookKlass] = {}
    for klass in klasses_of(viewer):
        options = {"type": klass, "query_string": queries()[klass].text, "seller_id": viewer.seller_id}
        webhook = await create_subscription(conn, "http://127.0.0.1:9/", **options)
        webhooks[int(webhook.id)] = klass
    return webhooks


async def test_each_mutation_tells_of_exactly_what_answers_differently(api: Platform, database_url: str) -> None:
    ids = await create_scene(api.conn)
    stranger_id = (await create_seller(api.conn)).id
    viewers = (OPERATOR, Viewer(SellerId(decode(ids["seller"])[1])), Viewer(stranger_id))
    async with running_publisher(api.conn, database_url) as publisher:
        webhooks = [await watch(api.conn, viewer) for viewer in viewers]
        await publisher.publish()
        await publisher.deliver()
        watchers = operator, seller, stranger = [
            Watcher(viewer=viewer, webhooks=owned, state=await read_state(api.conn, viewer))
            for viewer, owned in zip(viewers, webhooks, strict=True)
        ]
        seen = {one.id for one in await publisher.made()}
        life = Life(api=api, publisher=publisher, watchers=watchers, seen=seen)

        made: dict[str, str] = {}
        for mutation in [one for one in inputs(ids, {}) if not one.startswith(OF_MESSAGES)]:
            made[mutation] = await life.carry_out(mutation, inputs(ids, made)[mutation])

    assert [watcher.wrong for watcher in watchers] == [set()] * 3
    assert operator.told == set(KLASSES)
    assert seller.told == set(klasses_of(seller.viewer))
    assert stranger.told == {klass for klass in KLASSES if is_for_everyone(klass.entity_type)}
