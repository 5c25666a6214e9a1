"""Skipping is sound: what changes a result is recorded as a change of the entity, watched by who reads it, and named.

Each column of each row of a seller is changed, each row is taken out and doubled; what then shows in the payloads that
select everything is looked for, path by path, in a query that selects this path alone.
"""

import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any

import asyncpg
import pytest
from graphql import get_named_type, is_leaf_type, is_union_type

from app.auth.viewers import OPERATOR, Viewer
from app.capture.change_events import claim_batch, mark_published
from app.db.graph import is_for_everyone
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhook_klasses import is_operators_only
from schema import schema
from schema.entities.declarations import ENTITIES, Relation
from schema.entities.declared import declaration_of
from schema.stored.changed import describe_changes
from schema.stored.execute import render_stored_query
from schema.stored.validate import StoredQuery, stored_query
from tests.app.webhooks.services.test_deduplication import WEBHOOK
from tests.schema import walk
from tests.schema.differences import KLASSES, Path, differences, everything, is_only_referred_to, klass_of, nodes
from tests.schema.marked import Column, MarkedRows, create_marked
from tests.support.load import IS_LONG
from tests.support.outbox import fold_entities
from workers.publish.match import Change, skip_reason
from workers.publish.sibling_changes import record_follow_ups
from workers.publish.subscribing_sellers import list_owners
from workers.publish.subscriptions import Subscriptions

DEPTH = 2 if IS_LONG else 1
TABLES_OF_WEBHOOKS = ("webhook", "delivery_", "payloads", "operational_", "api_keys", "audit_entries")
#: By type of column; a constraint that refuses one says that such a change can't happen.
VALUES: dict[str, list[Any]] = {
    "text": ["zz"],
    "text[]": [["PAID"], ["CANCELLED"], []],
    "boolean": [True, False],
    "timestamp with time zone": [datetime(2030, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)],
    "double precision": [0.5],
    "bigint": [7, 5_000_000_000],
    "integer": [7, 0],
}
#: Columns that have to be unique: a doubled row has others.
UNIQUE = {"key", "token", "name", "slug", "iso"}

#: A renamed option is told to those who chose it; which choice it was is not said.
_ANY_CHOICE = {
    (of, name)
    for of in ("OptionType", "OptionValue")
    for name in ("name", "displayName", "position", "fieldType", "createdAt")
}

#: A type is only referred to. But who sees its annotations changes with it, and is recorded of each of them.
_OF_TYPE = {("InvoiceAnnotationType", "viewableBySeller")}

Bodies = dict[tuple[WebhookKlass, int], bytes]
"""Results by entity."""


@dataclass(slots=True, kw_only=True)
class Scene:
    """`queries`: that select everything, one of each type; `shown`: (type, path) that has changed so far."""

    conn: asyncpg.Connection
    viewer: Viewer
    marked: MarkedRows
    queries: list[StoredQuery]
    before: Bodies = field(default_factory=dict)
    shown: set[tuple[WebhookKlass, Path]] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)

    async def try_out(self, label: str, sql: str, *args: Any) -> None:
        async with undone(self.conn):
            try:
                async with self.conn.transaction():
                    await self.conn.execute(sql, *args)
            except asyncpg.PostgresError:
                return
            after = await self.rendered()
            changes = {(one.entity_type, one.entity_id): one for one in await self.changes()}
            for klass, entity_id in self.before.keys() & after.keys():
                old, new = (bodies[klass, entity_id] for bodies in (self.before, after))
                for path in set(differences(*nodes(old, new))) if old != new else ():
                    self.shown.add((klass, path))
                    if said := missed(klass, path, label, changes.get((klass.entity_type, entity_id))):
                        self.wrong.add(said)

    async def rendered(self) -> Bodies:
        context = walk.unlimited(self.conn, self.viewer, is_rendering=True)
        bodies: Bodies = {}
        for query in self.queries:
            klass = klass_of(query)
            of = "S0" if is_operators_only(klass) else "ALL" if is_for_everyone(query.entity_type) else "S1"
            rows = self.marked.all_rows[ENTITIES[query.entity_type].table.name, of]
            rendered = await render_stored_query(schema, query, [row["id"] for row in rows], context)
            bodies.update({(klass, entity_id): body for entity_id, body in rendered.items()})
        return bodies

    async def changes(self) -> list[Change]:
        """All that waits, with what is passed on when it is published."""
        subscriptions = Subscriptions()
        for number, query in enumerate(self.queries):
            webhook = replace(
                WEBHOOK,
                id=WebhookId(number),
                type=klass_of(query),
                query_string=query.text,
                seller_id=self.viewer.seller_id,
            )
            subscriptions.take_over(webhook, 1)
        claimed = []
        while events := await claim_batch(self.conn, limit=500):
            await record_follow_ups(
                self.conn, subscriptions, events, await list_owners(self.conn, subscriptions, events)
            )
            await mark_published(self.conn, [event.id for event in events])
            claimed += events
        return fold_entities(claimed)


@asynccontextmanager
async def undone(conn: asyncpg.Connection) -> AsyncIterator[None]:
    transaction = conn.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


def missed(klass: WebhookKlass, path: Path, label: str, change: Change | None) -> str | None:
    """Return the problem of a change, or of the lack of one, after which this path shows something else."""
    if not path:
        # The node as a whole came or went, with an error: whichever field that was shows by itself.
        return None
    name = f"{klass.entity_type}.{'.'.join(step for _, step in path)} after {label}"
    is_referred_to = is_only_referred_to(klass, path)
    if change is None:
        return None if is_referred_to or label.endswith(".updated_at") else f"not recorded: {name}"
    if skip_reason(WEBHOOK, alone(klass, path).watched, change) is not None:
        return f"not watched: {name}"
    if path[-1][1] == "updatedAt":
        # It accompanies the other changes of its row, and is not named itself.
        return None
    is_named = named_by(change) & {*path, *_canonical(path)} or (_ANY_CHOICE | _OF_TYPE) & {*path}
    return None if is_named or is_referred_to else f"not named: {name}"


def _canonical(path: Path) -> Iterator[tuple[str, str]]:
    """The fields that name a row of a list over other rows: an order's line items are those of its invoices.

    The shipments of a line item are those of its shipped items, and these are named.
    """
    for of, name in path:
        declared = declaration_of(walk.object_type(of).fields[name])
        if isinstance(declared, Relation) and declared.link is not None:
            yield "Invoice", name
            yield from _relations_of(declared.link.table)


@cache
def _relations_of(table: str) -> frozenset[tuple[str, str]]:
    """All relations from and to the rows of a table, as type and field."""
    declared = (
        (of, name, entity.table.name, declaration_of(field))
        for of, entity in ENTITIES.items()
        for name, field in walk.object_type(of).fields.items()
    )
    return frozenset(
        (of, name) for of, name, own, one in declared if isinstance(one, Relation) and table in (own, one.target.name)
    )


def named_by(change: Change) -> set[tuple[str, str]]:
    """Types and fields that `changed` says, whichever row's."""
    if change.operation is not WebhookEventName.UPDATE:
        return {(change.entity_type, name) for name in walk.object_type(change.entity_type).fields}
    described = describe_changes(schema._schema, OPERATOR, change.entity_type, change.changes, is_cut=False)
    return {field_of(change.entity_type, path) for kind in described.values() for path in kind}


def field_of(of: str, path: str) -> tuple[str, str]:
    """The field at a path's end, and whose it is: `("LineItem", "quantity")` of `lineItems[x].quantity`."""
    *before, name = re.sub(r"\[[^]]*\]", "", path).split(".")
    for step in before:
        named = walk.row_type(walk.object_type(of).fields[step])
        of = named.types[0].name if is_union_type(named) else named.name
    return of, name


def alone(klass: WebhookKlass, path: Sequence[tuple[str, str]]) -> StoredQuery:
    body = "__typename"
    for of, name in reversed(path):
        is_leaf = is_leaf_type(get_named_type(walk.object_type(of).fields[name].type))
        body = f"... on {of} {{ {name if is_leaf else f'{name} {{ {body} }}'} }}"
    return stored_query(schema._schema, f"query($id: ID!) {{ node(id: $id) {{ {body} }} }}", klass)


def other_values(marked: MarkedRows, column: Column, value: Any, *, is_sellers: bool) -> list[Any]:
    """In the short form one: the first as the operator sees it, the last as the seller does."""
    found = [other for other in candidates(marked, column) if other != value]
    return found if IS_LONG else found[-1:] if is_sellers else found[:1]


def candidates(marked: MarkedRows, column: Column) -> list[Any]:
    null = [None] if column.is_nullable else []
    if column.target:
        return [*[row["id"] for of in ("S1", "ALL") for row in marked.all_rows.get((column.target, of), ())][:3], *null]
    if column.name == "currency":
        return ["EUR", "JPY"]
    if column.allowed and column.type == "text":
        return [*column.allowed[:3], *null]
    if column.name == "owner_id":
        return [marked.rows[table, "S2"]["id"] for table in ("invoices", "variants", "adverts")]
    return [*VALUES[column.type], *null]


@pytest.mark.parametrize("is_sellers", [False, True])
async def test_what_changes_a_result_is_recorded_and_watched(conn: asyncpg.Connection, is_sellers: bool) -> None:
    marked = await create_marked(conn)
    viewer = Viewer(SellerId(marked.rows["sellers", "S1"]["id"])) if is_sellers else OPERATOR
    klasses = [klass for klass in KLASSES if not (is_sellers and is_operators_only(klass))]
    scene = Scene(conn=conn, viewer=viewer, marked=marked, queries=[everything(klass, DEPTH) for klass in klasses])
    await scene.changes()
    scene.before = await scene.rendered()

    for table, row in rows_of(marked):
        for column in marked.columns[table]:
            if column.name == "id":
                continue
            for value in other_values(marked, column, row[column.name], is_sellers=is_sellers):
                sql = f'update {table} set "{column.name}" = $1 where id = $2'
                await scene.try_out(f"{table}.{column.name}", sql, value, row["id"])
        await scene.try_out(f"{table}, deleted", f"delete from {table} where id = $1", row["id"])
        await scene.try_out(f"{table}, inserted", doubled(marked, table), row["id"])

    by_klass: dict[WebhookKlass, int] = defaultdict(int)
    for klass, _ in scene.shown:
        by_klass[klass] += 1
    assert not scene.wrong, "\n".join(sorted(scene.wrong))
    # The test would be worth nothing if hardly any change showed.
    assert {klass for klass, count in by_klass.items() if count > 5} == set(klasses)
    assert len(scene.shown) > 300


def rows_of(marked: MarkedRows) -> Iterator[tuple[str, dict[str, Any]]]:
    """One row of each table, and of what many types own, one for each."""
    for table in marked.columns:
        for owner in ("S1", "ALL", "S0"):
            rows = marked.all_rows.get((table, owner), [])
            if not table.startswith(TABLES_OF_WEBHOOKS):
                yield from ((table, row) for row in (rows if "owner_type" in {*rows[0]} else rows[:1])) if rows else ()


def doubled(marked: MarkedRows, table: str) -> str:
    names = [column.name for column in marked.columns[table] if column.name != "id"]
    taken = ", ".join(f"\"{name}\" || 'x'" if name in UNIQUE else f'"{name}"' for name in names)
    given = ", ".join(f'"{name}"' for name in names)
    return f"insert into {table} ({given}) select {taken} from {table} where id = $1"
