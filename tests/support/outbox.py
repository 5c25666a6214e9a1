"""The outbox for tests: recorded changes, and a publisher that is run by hand."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from app.auth.viewers import Viewer
from app.capture.change_events import ChangeEvent
from app.db.pool import Connection, connection
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.services.webhooks import WebhookAttributes, create_webhook
from tests.support.platform import settings_for
from tests.support.waiting import until
from workers.publish.job import publish_all
from workers.publish.match import Change, fold, group_by_entity
from workers.resources import Resources, open_resources


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """One row of change_events. `changes` holds table, row id, operation and columns of each row."""

    entity: tuple[str, int]
    operation: str
    columns: list[str]
    changes: list[tuple[str, int, str, list[str]]]
    is_cut: bool
    seller_id: int | None
    actor: str | None


#: What most tests look at; an invoice's change is also one of its order, and so on.
WATCHED_TYPES = ("Invoice", "Variant", "RefundRequest")


def fold_entities(events: Iterable[ChangeEvent]) -> list[Change]:
    """Fold change events, oldest first, to one change per entity."""
    return [change for of_entity in group_by_entity(events).values() if (change := fold(of_entity))]


async def recorded(conn: Connection) -> list[RecordedChange]:
    """Return the changes of `WATCHED_TYPES` since the last call, oldest first, and mark all as published."""
    rows = await conn.fetch(
        "with taken as (update change_events set published_at = now() where published_at is null returning *)"
        " select * from taken order by id"
    )
    return [
        RecordedChange(
            entity=(row["entity_type"], row["entity_id"]),
            operation=row["operation"],
            columns=sorted(row["columns"]),
            changes=[(change["t"], change["id"], change["op"], change["c"]) for change in orjson.loads(row["changes"])],
            is_cut=row["is_cut"],
            seller_id=row["seller_id"],
            actor=row["actor"],
        )
        for row in rows
        if row["entity_type"] in WATCHED_TYPES
    ]


async def know_webhooks(resources: Resources) -> None:
    """Have all webhooks read, so that no step reads them. Transactions of other databases may hold that up."""

    async def are_known() -> bool:
        async with connection(resources.database) as conn:
            await resources.subscriptions.refresh(conn)
            changed = "select coalesce(max(changed_xid::text::bigint), 0) from webhooks"
            return resources.subscriptions.horizon.xid > int(await conn.fetchval(changed))

    await until(are_known)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeEvent:
    """One webhook event, with its payload's GraphQL response."""

    id: int
    webhook_id: int
    entity: tuple[str, int]
    event_name: str
    state: str
    reason: str | None
    superseded_by: int | None
    response: Any
    changed: Any

    @property
    def outcome(self) -> tuple[str, str]:
        return self.event_name, self.state


@dataclass(slots=True, kw_only=True)
class Publisher:
    """Publishes when it is told to, over one database; nothing delivers."""

    conn: Connection
    resources: Resources

    async def subscribe(
        self, query: str, *, klass: WebhookKlass = WebhookKlass.INVOICE, seller_id: int | None = None, **given: Any
    ) -> int:
        """Register a webhook for every kind of change unless `event_names` is given; its id."""
        attributes: WebhookAttributes = {
            "url": "http://127.0.0.1:9/hook",
            "event_names": list(WebhookEventName),
            "query_string": f"query($id: ID!) {{ node(id: $id) {{ ... on {klass.entity_type} {{ {query} }} }} }}",
            **given,  # type: ignore[typeddict-item]
        }
        created = await create_webhook(
            self.resources.database,
            Viewer(None),
            self.resources.settings,
            klass=klass,
            seller_id=None if seller_id is None else SellerId(seller_id),
            attributes=attributes,
        )
        return created.webhook.id

    async def publish(self) -> list[MadeEvent]:
        """Publish everything that waits. Return all webhook events, oldest first."""
        await publish_all(self.resources)
        return await self.made()

    async def skips(self) -> dict[tuple[int, str], int]:
        """Return the number of changes that were not sent since the last call, by webhook and reason."""
        counted = await self.resources.subscriptions.count_skips()
        return {(webhook_id, reason): number for webhook_id, reason, number in counted}

    async def made(self) -> list[MadeEvent]:
        rows = await self.conn.fetch(
            "select e.*, p.body from webhook_events e left join payloads p on p.digest = e.payload_digest order by e.id"
        )
        return [
            MadeEvent(
                id=row["id"],
                webhook_id=row["webhook_id"],
                entity=(row["entity_type"], row["entity_id"]),
                event_name=row["event_name"],
                state=row["state"],
                reason=row["reason"],
                superseded_by=row["superseded_by"],
                response=None if row["body"] is None else orjson.loads(row["body"]),
                changed=orjson.loads(row["changed"]),
            )
            for row in rows
        ]

    async def deliver(self) -> None:
        """Mark all waiting events as delivered."""
        await self.conn.execute(
            """
            with delivered as (
              update webhook_events set state = 'DELIVERED', attempt_count = attempt_count + 1, due_at = null
              where state in ('PENDING', 'RETRYING') returning *
            )
            insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name, payload_digest)
            select distinct on (webhook_id, entity_type, entity_id) webhook_id, entity_type, entity_id, id, event_name,
              payload_digest
            from delivered order by webhook_id, entity_type, entity_id, id desc
            on conflict (webhook_id, entity_type, entity_id) do update set webhook_event_id = excluded.webhook_event_id,
              event_name = excluded.event_name, payload_digest = excluded.payload_digest
              where webhook_given.webhook_event_id < excluded.webhook_event_id
            """
        )


@asynccontextmanager
async def running_publisher(conn: Connection, database_url: str) -> AsyncIterator[Publisher]:
    async with open_resources(settings_for(database_url), stopping=asyncio.Event()) as resources:
        yield Publisher(conn=conn, resources=resources)
