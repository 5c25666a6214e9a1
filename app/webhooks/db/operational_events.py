"""Operational events: one row for each thing that happened to a webhook. Adding one is recorded as for any entity.

A trigger on webhooks writes DISABLED and RECOVERED, for every writer. No event is about a webhook that is subscribed to
operational events: it would report on itself.

Source: app/db/migrations/functions/raise_operational_event.sql.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Reference, Table, Through
from app.webhooks.db.webhook_events import WEBHOOK_EVENTS, WebhookEventId
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from app.webhooks.domain.operational_event import OperationalEventKind, failing_reason

OperationalEventId = NewType("OperationalEventId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationalEvent:
    """One thing that happened to a webhook.

    Attributes:
        webhook_id: None for PUBLISH_FAILED.
        webhook_event_id: Only for EXHAUSTED; the event may not be kept any more.
    """

    id: OperationalEventId
    webhook_id: WebhookId | None
    kind: OperationalEventKind
    webhook_event_id: WebhookEventId | None
    reason: str
    occurred_at: datetime


OPERATIONAL_EVENTS = Table(
    "operational_events",
    OperationalEvent,
    type_name="OperationalEvent",
    seen_by=Through("webhook_id", is_of_few=True),
    keys={"webhook_id": WEBHOOKS, "webhook_event_id": Reference(to=WEBHOOK_EVENTS, is_enforced=False)},
    is_subscribable=True,
    is_log=True,
)


async def raise_failing(conn: Connection, *, after_s: float) -> list[WebhookId]:
    """Raise FAILING for enabled webhooks without a successful delivery for `after_s` seconds, once per outage.

    When an outage was reported before the present failures began, the webhook has been enabled since: a new outage.
    A webhook whose results are just being stored is left for the next time.

    Returns:
        The webhooks, by id; they are locked.
    """
    rows = await conn.fetch(
        """
        with due as materialized (
          select w.id from webhooks w
          where w.is_enabled and w.failing_since < statement_timestamp() - make_interval(secs => $1)
            and (w.outage_reported_at is null or w.outage_reported_at < w.failing_since)
            and w.type <> 'OPERATIONAL_EVENT'
          order by w.id for no key update skip locked
        ), reported as (
          update webhooks w set outage_reported_at = clock_timestamp() from due where w.id = due.id
          returning w.id, w.failing_since
        ) select id, failing_since from reported order by id
        """,
        after_s,
    )
    if rows:
        await conn.execute(
            "insert into operational_events (webhook_id, kind, reason)"
            " select f.id, 'FAILING', f.reason from unnest($1::bigint[], $2::text[]) f(id, reason)",
            [row["id"] for row in rows],
            [failing_reason(row["failing_since"]) for row in rows],
        )
    return [row["id"] for row in rows]


async def raise_exhausted(conn: Connection, reasons: Sequence[tuple[WebhookEventId, str]]) -> None:
    """Raise EXHAUSTED for webhook events that are FAILED, each with its reason; not for tests."""
    await conn.execute(
        """
        insert into operational_events (webhook_id, kind, webhook_event_id, reason)
        select w.id, 'EXHAUSTED', e.id, r.reason from unnest($1::bigint[], $2::text[]) r(id, reason)
        join webhook_events e on e.id = r.id and e.state = 'FAILED' and e.event_name <> 'test'
        join webhooks w on w.id = e.webhook_id and w.deleted_at is null and w.type <> 'OPERATIONAL_EVENT'
        order by e.id
        """,
        [event_id for event_id, _ in reasons],
        [reason for _, reason in reasons],
    )
