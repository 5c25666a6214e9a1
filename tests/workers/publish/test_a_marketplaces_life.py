"""A marketplace's life by mutations: each tells of exactly the entities whose stored query answers differently."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import asyncpg

from app.auth.viewers import OPERATOR
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities.declarations import ENTITIES
from schema.entities.declared import declaration_of
from schema.stored.execute import render_stored_query
from schema.stored.validate import StoredQuery
from schema.stored.watched import whole_of
from tests.builders.deliveries import create_subscription
from tests.schema import walk
from tests.schema.differences import KLASSES, Path, differences, everything, is_only_referred_to, nodes
from tests.schema.mutations.test_audit import row_field, send
from tests.support.every_mutation import create_scene, inputs
from tests.support.outbox import Publisher, running_publisher
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


async def read_state(conn: asyncpg.Connection) -> State:
    answers: dict[Entity, bytes] = {}
    there: set[Entity] = set()
    updated_at: dict[Entity, datetime] = {}
    context = walk.unlimited(conn, OPERATOR, is_rendering=True)
    for klass, query in queries().items():
        table = ENTITIES[klass.entity_type].table
        deleted = "deleted_at is not null" if table.has("deleted_at") else "false"
        rows = await conn.fetch(f"select id, updated_at, {deleted} as is_deleted from {table.name}")
        rendered = await render_stored_query(schema, query, [row["id"] for row in rows], context)
        for row in rows:
            entity = (klass, row["id"])
            answers[entity], updated_at[entity] = rendered[row["id"]], row["updated_at"]
            there |= set() if row["is_deleted"] else {entity}
    return State(answers=answers, there=frozenset(there), updated_at=updated_at)


def leads_to_siblings(klass: WebhookKlass, path: Path) -> bool:
    """Tell whether a path shows rows beside the entity, through what it is a part of, or when those were changed."""
    whole, own = whole_of(klass.entity_type), ENTITIES[klass.entity_type].table.name
    to = [getattr(declaration_of(walk.object_type(of).fields[name]), "target", None) for of, name in path]
    targets = [None if one is None else one.name for one in to]
    return targets[0] is not None and targets[0] == whole and (own in targets or path[-1][1] == "updatedAt")


@dataclass(slots=True, kw_only=True)
class Life:
    """The story so far. `wrong`: what was told without need, or not told, or told without a new `updatedAt`."""

    api: Platform
    publisher: Publisher
    webhooks: dict[int, WebhookKlass]
    state: State
    seen: set[int] = field(default_factory=set)
    told: set[WebhookKlass] = field(default_factory=set)
    wrong: set[tuple[Any, ...]] = field(default_factory=set)

    async def carry_out(self, mutation: str, given: Mapping[str, Any]) -> str:
        answer = (await send(self.api, mutation, dict(given))).json()
        assert "errors" not in answer, (mutation, answer)
        assert answer["data"][mutation]["status"] == 200, (mutation, answer)
        await self.judge(mutation)
        row = answer["data"][mutation].get(row_field(mutation), {})
        return ("" if isinstance(row, list) else row.get("id")) or given.get("owner", "")

    async def judge(self, mutation: str) -> None:
        """Compare what was told with what differs."""
        before, self.state = self.state, await read_state(self.api.conn)
        differing = before.compare(self.state)
        told = {}
        for one in await self.publisher.publish():
            if one.id not in self.seen and one.webhook_id in self.webhooks and one.state == "PENDING":
                told[self.webhooks[one.webhook_id], one.entity[1]] = one.event_name
            self.seen.add(one.id)
        await self.publisher.deliver()
        for entity in told.keys() | differing.keys():
            event, paths = differing.get(entity, ("", set()))
            is_told = told.get(entity) == event
            may_be_untold = entity not in told and all(is_only_referred_to(entity[0], path) for path in paths)
            if not is_told and not (paths and may_be_untold):
                self.wrong.add((mutation, *entity, "told", told.get(entity), "differs", event, *sorted(paths)[:3]))
        for entity in [one for one in told if told[one] == "update"]:
            is_of_siblings = all(leads_to_siblings(entity[0], path) for path in differing[entity][1])
            if self.state.updated_at[entity] <= before.updated_at[entity] and not is_of_siblings:
                self.wrong.add((mutation, *entity, "updatedAt is the same", *sorted(differing[entity][1])[:3]))
        self.told |= {klass for klass, _ in told}


async def test_each_mutation_tells_of_exactly_what_answers_differently(api: Platform, database_url: str) -> None:
    ids = await create_scene(api.conn)
    async with running_publisher(api.conn, database_url) as publisher:
        webhooks: dict[int, WebhookKlass] = {}
        for klass, query in queries().items():
            webhook = await create_subscription(api.conn, "http://127.0.0.1:9/", type=klass, query_string=query.text)
            webhooks[int(webhook.id)] = klass
        await publisher.publish()
        await publisher.deliver()
        life = Life(api=api, publisher=publisher, webhooks=webhooks, state=await read_state(api.conn))
        life.seen = {one.id for one in await publisher.made()}

        made: dict[str, str] = {}
        for mutation in [one for one in inputs(ids, {}) if not one.startswith(OF_MESSAGES)]:
            made[mutation] = await life.carry_out(mutation, inputs(ids, made)[mutation])

    assert life.wrong == set()
    assert life.told == set(KLASSES)
