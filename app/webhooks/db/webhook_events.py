"""Webhook events and their attempts: what was made of a change for one webhook, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, NewType

import orjson

from app.db.pool import Connection, retry_if_moved
from app.db.table import Reference, Table, Through
from app.webhooks.db.payloads import PAYLOADS
from app.webhooks.db.webhooks import WEBHOOKS, WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState

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
    replayed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryAttempt:
    """finished_at None: in flight, or its worker died."""

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


WEBHOOK_EVENTS = Table(
    "webhook_events",
    WebhookEvent,
    seen_by=Through("webhook_id", is_of_few=True),
    keys={
        "webhook_id": Reference(to=WEBHOOKS, is_enforced=False),
        "payload_digest": Reference(to=PAYLOADS, remote="digest", is_enforced=False),
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

    may_be_known  whether the subscriber may have heard of the entity before it.
    is_replay     whether somebody asked for it to be sent again: then no newer state takes its place.
    changed       what it says that has changed, as JSON; nothing of what was delivered.
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
    """One to insert, with what it supersedes."""

    webhook_id: WebhookId
    entity_type: str
    entity_id: int
    event_name: WebhookEventName
    state: WebhookEventState
    reason: str | None
    payload_digest: bytes | None
    changed: bytes
    changed_at: datetime
    supersedes: Sequence[WebhookEventId] = ()
    may_be_known: bool = True


Subject = tuple[WebhookId, str, int]
"""Webhook, entity type, entity id."""


async def list_given(conn: Connection, subjects: Sequence[Subject]) -> dict[Subject, list[PriorEvent]]:
    """What each webhook was last given for an entity, and all of it that is still open; newest first. No tests.

    What was given and is to be given again is there twice: as an open one, then as a delivered one.
    """
    rows = await conn.fetch(
        """
        select k.*, g.* from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
        cross join lateral (
          select e.id, e.state, e.event_name, e.attempt_count, e.payload_digest, e.may_be_known, e.replayed_at,
            e.changed::text
          from webhook_events_open e
          where e.webhook_id = k.webhook_id and e.entity_type = k.entity_type and e.entity_id = k.entity_id
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
    """Keep deliverers from what waits for these until the transaction ends; what they are just claiming is waited for.

    In a statement before it is looked at, or what it looks like would be that of before the wait. By ids, since a join
    that was planned while nothing waited would read all that waits, each time.
    """
    keys = [list(column) for column in zip(*subjects, strict=True)]
    await retry_if_moved(
        conn,
        lambda: conn.execute(
            """
            select from webhook_events_open e where e.id = any(array(
              select w.id from unnest($1::bigint[], $2::text[], $3::bigint[]) k(webhook_id, entity_type, entity_id)
              cross join lateral (
                select o.id from webhook_events_open o where o.webhook_id = k.webhook_id
                  and o.entity_type = k.entity_type and o.entity_id = k.entity_id offset 0
              ) w
            )) and e.state in ('PENDING', 'RETRYING', 'HELD') order by e.id for no key update
            """,
            *keys,
        ),
    )


async def insert_webhook_events(conn: Connection, events: Sequence[NewWebhookEvent]) -> None:
    """Insert in this order, so that ids rise with it, and mark what they supersede.

    What is already being sent by the time is not superseded: it is the claim that changed its state first.
    """
    rows = await conn.fetch(
        """
        with given as materialized (
          select nextval('webhook_events_id_seq') as id, n.* from
            unnest($1::bigint[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[],
              $8::text[], $9::timestamptz[], $10::boolean[])
            with ordinality n(webhook_id, entity_type, entity_id, event_name, state, reason, digest, changed,
              changed_at, may_be_known, place) order by place
        ), inserted as (
          insert into webhook_events (id, webhook_id, entity_type, entity_id, event_name, state, reason,
            payload_digest, changed, changed_at, may_be_known, due_at, finished_at)
          overriding system value
          select id, webhook_id, entity_type, entity_id, event_name, state, reason, digest, changed::jsonb,
            changed_at, may_be_known, case when state = 'PENDING' then clock_timestamp() end,
            case when state not in ('PENDING', 'HELD') then clock_timestamp() end
          from given
        ) select id from given order by place
        """,
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
    )
    pairs = [(old, row["id"]) for event, row in zip(events, rows, strict=True) for old in event.supersedes]
    if pairs:
        await retry_if_moved(conn, lambda: _supersede(conn, pairs))


async def _supersede(conn: Connection, pairs: Sequence[tuple[WebhookEventId, WebhookEventId]]) -> None:
    # By ids, and not a join with the pairs: planned while nothing waited, it would read all that waits, each time.
    newer = orjson.dumps({str(old): new for old, new in pairs}).decode()
    for states in ("'PENDING', 'RETRYING', 'HELD'", "'RENDER_FAILED'"):
        # Apart, so that the first, which is the usual one, is planned against the partition of open events alone.
        status = await conn.execute(
            f"""
            update webhook_events e set state = 'SUPERSEDED', due_at = null, finished_at = clock_timestamp(),
              -- In a SELECT, which reads the text once and not for each row.
              superseded_by = ((select $2::text::jsonb) ->> e.id::text)::bigint,
              reason = 'A newer state of the entity goes out in its place.'
            where e.id = any($1::bigint[]) and e.state in ({states})
            """,
            [old for old, _ in pairs],
            newer,
        )
        if status == f"UPDATE {len(pairs)}":
            return


async def hold_open(conn: Connection, webhook_id: WebhookId) -> None:
    """Keep what a disabled webhook has not been given yet, MAX_AT_ONCE of it; the sweeper goes on.

    None of it is claimed, held or not.
    """
    await retry_if_moved(
        conn,
        lambda: conn.execute(
            # An array, found by key: a join that was planned for few compares all that waits with each.
            "update webhook_events_open set state = 'HELD', due_at = null where id = any(array(select id"
            " from webhook_events_open where webhook_id = $1 and state in ('PENDING', 'RETRYING') limit $2))"
            " and state in ('PENDING', 'RETRYING')",
            webhook_id,
            MAX_AT_ONCE,
        ),
    )


async def release_held(conn: Connection, webhook_id: WebhookId) -> None:
    """Let go out what was kept while a webhook was disabled, the first MAX_AT_ONCE of it; the sweeper goes on.

    A PENDING state says it was never attempted. What is older than a change that the webhook has missed stays: when the
    webhook catches up, a newer state takes its place. Not so where every change is asked for.
    """
    await retry_if_moved(
        conn,
        lambda: conn.execute(
            """
            update webhook_events_open set state = case when attempt_count = 0 then 'PENDING' else 'RETRYING' end,
              due_at = clock_timestamp()
            -- An array, found by key: a join that was planned for few compares all that is held with each.
            where state = 'HELD' and id = any(array(
              select h.id from (
                select e.id, e.entity_type, e.entity_id, e.replayed_at from webhook_events_open e
                where e.webhook_id = $1 and e.state = 'HELD' order by e.id limit $2
              ) h where h.replayed_at is not null or not exists (
                select from webhooks w left join webhook_catch_ups c on c.webhook_id = w.id
                join missed_changes m on m.entity_type = h.entity_type and m.entity_id = h.entity_id
                where w.id = $1 and not w.every_change
                  and m.turn > greatest(c.positions[m.shard + 1], w.missed_since))))
            """,
            webhook_id,
            MAX_AT_ONCE,
        ),
    )
