"""Webhook events and their attempts: publishing makes an event of a change for one webhook, and reads earlier ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NewType

import orjson

from app.auth.db.api_keys import ApiKeyId
from app.db.pool import Connection, Record, retry_if_moved
from app.db.table import JsonText, Reference, Table, Through
from app.webhooks.db import transitions
from app.webhooks.db.ordering.blocked_events import release_next
from app.webhooks.db.payloads import PAYLOADS
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import NewState, WebhookEventState

WebhookEventId = NewType("WebhookEventId", int)

#: Events of one webhook that one statement holds, releases or cancels: an outage may have left a million, and the
#: transaction that disables the webhook also records what its endpoint answered.
MAX_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEvent:
    id: WebhookEventId
    webhook_id: WebhookId
    entity_type: str
    entity_id: int
    event_name: str
    state: WebhookEventState
    reason: str | None
    superseded_by: WebhookEventId | None
    payload_digest: bytes | None
    changed_at: datetime
    attempt_count: int
    due_at: datetime | None
    last_status: int | None
    created_at: datetime
    finished_at: datetime | None
    changed: JsonText
    replayed_at: datetime | None = None
    previous_digest: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """One POST of a webhook event, or its handing over to a taker (PULL).

    Attributes:
        finished_at: None while it is in flight, or when its worker died.
        api_key_id: The key that took it, with its name and the client's address; None: it was POSTed.
    """

    id: int
    webhook_id: WebhookId
    webhook_event_id: WebhookEventId
    number: int
    started_at: datetime
    finished_at: datetime | None
    status: int | None
    error_kind: str | None
    error: str | None
    response_body: bytes | None
    duration_ms: int | None
    api_key_id: ApiKeyId | None = None
    api_key_name: str | None = None
    address: str | None = None


WEBHOOK_EVENTS = Table(
    "webhook_events",
    WebhookEvent,
    seen_by=Through("webhook_id", is_of_few=True),
    keys={
        "webhook_id": Reference(to=WEBHOOKS, is_enforced=False),
        "payload_digest": Reference(to=PAYLOADS, remote="digest", is_enforced=False),
        "previous_digest": Reference(to=PAYLOADS, remote="digest", is_enforced=False),
        "superseded_by": Reference(is_enforced=False),
    },
)
DELIVERY_ATTEMPTS = Table(
    "delivery_attempts",
    DeliveryAttempt,
    seen_by=Through("webhook_id", is_of_few=True),
    keys={
        "webhook_id": Reference(to=WEBHOOKS, is_enforced=False),
        "webhook_event_id": Reference(to=WEBHOOK_EVENTS, is_enforced=False),
    },
)


class PriorEvent(NamedTuple):
    """A webhook event that was delivered or still may be, as publishing looks back on it.

    Attributes:
        may_be_known: Whether the subscriber may have heard of the entity before this event.
        is_replay: Whether somebody asked for it to be sent again: then no newer state takes its place.
        changed: The changes that it names, as JSON; empty when it was delivered.
    """

    id: WebhookEventId
    state: WebhookEventState
    event_name: WebhookEventName
    attempt_count: int
    payload_digest: bytes | None
    may_be_known: bool
    is_replay: bool = False
    changed: str = "{}"


class NewWebhookEvent(NamedTuple):
    """A webhook event to insert, with the events that it supersedes."""

    webhook_id: WebhookId
    entity_type: str
    entity_id: int
    event_name: WebhookEventName
    state: NewState
    reason: str | None
    payload_digest: bytes | None
    changed: bytes
    changed_at: datetime
    supersedes: Sequence[WebhookEventId] = ()
    may_be_known: bool = True


Subject = tuple[WebhookId, str, int]
"""Webhook, entity type, entity id."""


async def list_given(conn: Connection, subjects: Sequence[Subject]) -> dict[Subject, list[PriorEvent]]:
    """Return the event that each webhook was last given for an entity, and all that are still open; newest first.

    Tests are left out. An event that was given and is sent again is there twice: first as open, then as delivered.
    """
    rows = await conn.fetch(
        """
        -- In SELECTs, so that the arrays' lengths are no reason to plan it anew each time.
        select k.*, g.* from unnest((select $1::bigint[]), (select $2::text[]), (select $3::bigint[]))
          k(webhook_id, entity_type, entity_id)
        cross join lateral (
          select e.id, e.state, e.event_name, e.attempt_count, e.payload_digest, e.may_be_known, e.replayed_at,
            e.changed::text
          from webhook_events_open e
          where +e.entity_id = k.entity_id and e.entity_type = k.entity_type and 0 + e.webhook_id = k.webhook_id
            and e.event_name <> 'test'
          union all
          select d.webhook_event_id, 'DELIVERED', d.event_name, 1, d.payload_digest, true, null, '{}'
          from webhook_given d
          where d.webhook_id = k.webhook_id and d.entity_type = k.entity_type and d.entity_id = k.entity_id
        ) g order by g.id desc, g.state = 'DELIVERED'
        """,
        [subject[0] for subject in subjects],
        [subject[1] for subject in subjects],
        [subject[2] for subject in subjects],
    )
    found: dict[Subject, list[PriorEvent]] = {}
    for row in rows:
        subject = (row["webhook_id"], row["entity_type"], row["entity_id"])
        given = PriorEvent(
            id=row["id"],
            state=WebhookEventState(row["state"]),
            event_name=WebhookEventName(row["event_name"].upper()),
            attempt_count=row["attempt_count"],
            payload_digest=row["payload_digest"],
            may_be_known=row["may_be_known"],
            is_replay=row["replayed_at"] is not None,
            changed=row["changed"],
        )
        found.setdefault(subject, []).append(given)
    return found


async def lock_waiting(conn: Connection, subjects: Sequence[Subject]) -> None:
    """Keep workers from claiming the events that wait for these subjects, until the transaction ends.

    Waits for workers that are just claiming some. Call it before you read the events: one statement that locks and
    reads would see them as they were before the wait.
    """
    keys = [list(column) for column in zip(*subjects, strict=True)]
    await retry_if_moved(
        conn,
        lambda: conn.execute(
            # By ids: a join that was planned while nothing waited would read everything that waits, each time.
            f"""
            select from webhook_events_open e where 0 + e.id = any(array(
              select w.id from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
              cross join lateral (
                select o.id from webhook_events_open o where +o.entity_id = k.entity_id
                  and o.entity_type = k.entity_type and 0 + o.webhook_id = k.webhook_id offset 0
              ) w
            )) and e.state in ({transitions.WAITING_STATES}) order by e.id for no key update
            """,
            *keys,
        ),
    )


async def insert_webhook_events(
    conn: Connection,
    events: Sequence[NewWebhookEvent],
    *,
    wanted: Sequence[bool] = (),
    lease_s: float = 0.0,
    per_webhook: int = 0,
) -> list[Record]:
    """Insert events in this order, so that ids rise with it, and mark those that they supersede.

    An event that a worker has claimed meanwhile is not superseded: the claim has changed its state first.

    Args:
        conn: The connection with the transaction.
        events: The events.
        wanted: For each event whether it is to be claimed at once; empty: none is. See immediate_claims.py.
        lease_s: Seconds of the leases of those at least.
        per_webhook: How many of one webhook are claimed at once, at most.

    Returns:
        The rows of `transitions.INSERT`.
    """
    rows = await conn.fetch(
        transitions.INSERT,
        [event.webhook_id for event in events],
        [event.entity_type for event in events],
        [event.entity_id for event in events],
        [event.event_name.value.lower() for event in events],
        [event.state.value for event in events],
        [event.reason for event in events],
        [event.payload_digest for event in events],
        [event.changed.decode() for event in events],
        [event.changed_at for event in events],
        [event.may_be_known for event in events],
        wanted or [False] * len(events),
        lease_s,
        per_webhook,
    )
    pairs = [(old, row["id"]) for event, row in zip(events, rows, strict=True) for old in event.supersedes]
    if pairs:
        await retry_if_moved(conn, lambda: _supersede(conn, pairs))
    return rows


async def _supersede(conn: Connection, pairs: Sequence[tuple[WebhookEventId, WebhookEventId]]) -> None:
    ids = [old for old, _ in pairs]
    newer = orjson.dumps({str(old): new for old, new in pairs}).decode()
    ended = await conn.fetch(transitions.SUPERSEDE, ids, newer)
    if len(ended) < len(pairs):
        await conn.execute(transitions.SUPERSEDE_UNRENDERED, ids, newer)
    await release_next(conn, ended)


async def hold_open(conn: Connection, webhook_id: WebhookId) -> None:
    """Hold the events that a disabled webhook has not been sent yet, MAX_AT_ONCE of them; the sweeper goes on.

    Held or not, no event of a disabled webhook is claimed.
    """
    await retry_if_moved(conn, lambda: conn.execute(transitions.HOLD, webhook_id, MAX_AT_ONCE))


async def release_held(conn: Connection, webhook_id: WebhookId) -> None:
    """Make the events due that were held while a webhook was disabled, MAX_AT_ONCE of them; the sweeper goes on."""
    await retry_if_moved(conn, lambda: conn.execute(transitions.RELEASE, webhook_id, MAX_AT_ONCE))
