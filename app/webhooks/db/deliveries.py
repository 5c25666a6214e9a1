"""Delivery: claim webhook events that are due, store the results of their attempts, release expired leases."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.auth.db.api_keys import ApiKeyId
from app.db.pool import Connection, retry_if_moved
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import transitions
from app.webhooks.db.operational_events import raise_exhausted
from app.webhooks.db.ordering.blocked_events import release_next
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhook_outages import FIRST_STEP
from app.webhooks.db.webhooks import WebhookId, lock_webhooks
from app.webhooks.domain.attempt import NEVER_LEFT, OUR_FAULTS
from app.webhooks.domain.operational_event import exhausted_reason
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED, AttemptedState, WebhookEventState


class DueEvent(NamedTuple):
    """A claimed webhook event with everything that its POST needs.

    Attributes:
        body: The payload; empty when it is gone.
        headers: Sealed, as are `secrets`.
        attempts_before: The number of attempts before it was last replayed: they count against no limit.
        url: None for a webhook whose receivers take its messages (PULL).
        seller_id: The webhook's owner; None: the operator.
        lease_until: As stored; by then its outcome must be.
        previous: The payload last confirmed for the entity; empty: none, or none is kept; None: the body has none.
        next_after: Of the claim: the webhook id after which the next one starts; None: no webhook was left out.
    """

    id: WebhookEventId
    webhook_id: WebhookId
    type: str
    entity_type: str
    entity_id: int
    event_name: str
    attempt: int
    changed: Any
    changed_at: datetime
    first_attempted_at: datetime
    body: bytes
    url: str | None
    headers: bytes | None
    secrets: bytes
    timeout_s: int
    max_retries: int
    attempts_before: int = 0
    seller_id: SellerId | None = None
    lease_until: datetime | None = None
    previous: bytes | None = None
    next_after: WebhookId | None = None

    @property
    def size(self) -> int:
        """The number of bytes of its payloads."""
        return len(self.body) + len(self.previous or b"")


class Taker(NamedTuple):
    """Whoever takes messages of a webhook (PULL).

    Attributes:
        address: Of the client; None when it is not known.
    """

    key_id: ApiKeyId | None
    key_name: str | None
    address: str | None


_CHANGED = DueEvent._fields.index("changed")


class Result(NamedTuple):
    """The result of an attempt.

    Attributes:
        delay_s: Seconds until the next attempt; None when there is none.
        disable_reason: Why the webhook is to be disabled; None when it is not.
        pause_s: Seconds for which the endpoint wants nothing at all; None when it doesn't say.
    """

    id: WebhookEventId
    webhook_id: WebhookId
    attempt: int
    state: AttemptedState
    reason: str | None
    status: int | None
    error_kind: str | None
    error: str | None
    response_body: bytes | None
    duration_ms: int
    delay_s: float | None
    disable_reason: str | None
    pause_s: float | None = None
    is_test: bool = False

    @property
    def is_failure(self) -> bool:
        """Whether the endpoint has failed. A test that fails is no outage, and our own faults say nothing about it."""
        is_ours = self.is_test or self.error_kind in OUR_FAULTS
        return self.state is not WebhookEventState.DELIVERED and not is_ours


async def claim_due(
    conn: Connection,
    *,
    limit: int,
    per_webhook: int,
    after: int,
    failing_share: int,
    lease_s: float,
    max_bytes: int | None = None,
    only_idle: bool = False,
    pulled: WebhookId | None = None,
    taker: Taker | None = None,
) -> list[DueEvent]:
    """Mark due webhook events as SENDING, under a lease, and insert their attempts; one statement.

    Commit at once: until then other claims leave these webhooks out, and wait where nothing else is due.

    Args:
        limit: The number of events at most.
        per_webhook: The number for each webhook at most, beside the webhook's own limit.
        after: The webhook id after which the walk starts. After a claim that is not full: its `next_after`, or else 0.
        failing_share: The number of events in flight at most for a webhook whose last attempt failed.
        lease_s: Seconds of the lease at least; it is always longer than the webhook's own time limit.
        max_bytes: The payload that reaches this sum is the last one; None: no limit.
        only_idle: Whether to claim only for webhooks that are not failing and have nothing in flight.
        pulled: The webhook (PULL) whose events are claimed; None: those of all webhooks that are POSTed to.
        taker: Who takes them; noted with each attempt.

    Source: app/db/migrations/functions/claim_webhook_events.sql.
    """
    rows = await conn.fetch(
        f"select {', '.join(DueEvent._fields)} from claim_webhook_events($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        limit,
        per_webhook,
        after,
        failing_share,
        lease_s,
        max_bytes,
        only_idle,
        pulled,
        *(taker or (None, None, None)),
    )
    return [DueEvent._make([*row[:_CHANGED], orjson.loads(row[_CHANGED]), *row[_CHANGED + 1 :]]) for row in rows]


#: The fields of a result that are stored, by place: as $1 to $12, in the order of `_RESULTS`.
_STORED = [place for place, name in enumerate(Result._fields) if name not in ("disable_reason", "is_test")]

#: The results with their webhooks.
_RESULTS = """
select r.*, w.is_enabled, w.deleted_at from unnest($1::bigint[], $2::bigint[], $3::int[], $4::text[], $5::text[],
  $6::int[], $7::text[], $8::text[], $9::bytea[], $10::int[], $11::float8[], $12::float8[])
  r(id, webhook_id, attempt, state, reason, status, error_kind, error, response_body, duration_ms, delay_s, pause_s)
cross join lateral (select w.is_enabled, w.deleted_at from webhooks w where w.id = r.webhook_id offset 0) w
"""

#: The last event that a webhook was given for each entity. $14 `NEVER_LEFT`.
_STORE_GIVEN = """
insert into webhook_given as g (webhook_id, entity_type, entity_id, webhook_event_id, event_name,
  payload_digest)
select distinct on (webhook_id, entity_type, entity_id) webhook_id, entity_type, entity_id, id, event_name,
  -- After any other answer, the endpoint may or may not have the payload: no later result equals it.
  case when state = 'DELIVERED' then payload_digest end
from recorded
where event_name <> 'test' and (state = 'DELIVERED' or error_kind is null or error_kind <> all ($14::text[]))
order by webhook_id, entity_type, entity_id, id desc
-- A replay may be older than the last delivered event, or be that event itself.
on conflict (webhook_id, entity_type, entity_id) do update set webhook_event_id = excluded.webhook_event_id,
  event_name = excluded.event_name, payload_digest = excluded.payload_digest
  where g.webhook_event_id < excluded.webhook_event_id
    or g.webhook_event_id = excluded.webhook_event_id and excluded.payload_digest is not null
"""

_END_ATTEMPTS = """
update delivery_attempts a set finished_at = clock_timestamp(), status = d.status,
  error_kind = d.error_kind, error = d.error, response_body = d.response_body, duration_ms = d.duration_ms
-- All from one row, so that its time alone decides which partition is looked into.
from recorded d
where a.webhook_event_id = d.id and a.number = d.attempt and a.started_at = d.attempted_at
"""

#: What the results say about the webhooks. $15 `OUR_FAULTS`.
_HEALTH = """
select webhook_id, not bool_or(state = 'DELIVERED') as is_failing,
  clock_timestamp() + make_interval(secs => max(pause_s)) as paused_until
from recorded where (error_kind is null or error_kind <> all ($15::text[]))
  -- A test that fails is no outage.
  and (event_name <> 'test' or state = 'DELIVERED' or pause_s is not null)
group by webhook_id
"""

#: $16 `FIRST_STEP`.
_MARK_WEBHOOKS = """
update webhooks w set is_failing = h.is_failing,
  failing_since = case when h.is_failing then coalesce(w.failing_since, clock_timestamp()) end,
  -- Only a pause that is over is cleared: successes that were in flight before it say nothing against it.
  paused_until = greatest(
    case when h.is_failing or w.paused_until > clock_timestamp() then w.paused_until end, h.paused_until),
  outage_reported_at = case when h.is_failing or not w.is_enabled then w.outage_reported_at end,
  -- The first success after an outage that was reported brings the waiting events forward, by steps; the next failure
  -- stops that. A resumption that somebody has asked for goes on.
  resumed_at = case
    when h.is_failing then case when w.resume_size is null then w.resumed_at end
    when w.is_enabled and w.outage_reported_at is not null then clock_timestamp() else w.resumed_at end,
  resume_size = case when not h.is_failing and w.is_enabled and w.outage_reported_at is not null
    and (w.resumed_at is null or w.resume_size is not null) then $16 else w.resume_size end
from health h where w.id = any(array(select webhook_id from health)) and w.id = h.webhook_id
  and equals_at_cost(w.id, h.webhook_id) and (w.is_failing <> h.is_failing or h.paused_until is not null
  or not h.is_failing and (w.paused_until <= clock_timestamp()
    or w.is_enabled and w.outage_reported_at is not null))
"""

#: One statement, so that a batch of successes takes one round trip and commits by itself.
_RECORD_RESULTS = f"""
with r as ({_RESULTS}), recorded as ({transitions.RECORD}), given as ({_STORE_GIVEN}), attempts as ({_END_ATTEMPTS}),
  health as ({_HEALTH}), marked as ({_MARK_WEBHOOKS})
select id, webhook_id, entity_type, entity_id, blocks_others, state, (select exists (
  select from webhook_events_open e where e.state in ({transitions.DUE_STATES}) and not e.is_pulled
    and e.due_at <= statement_timestamp())) as more_due
from recorded
"""


class StoredResults(NamedTuple):
    """The events that were still in flight and are recorded now, and whether a claim may find something."""

    ids: set[WebhookEventId]
    may_be_due: bool


async def record_results(conn: Connection, results: Sequence[Result]) -> StoredResults:
    """Store the results of attempts; a late result of an expired lease changes nothing.

    A webhook is marked as failing when all its attempts of this batch have failed, until one succeeds. A pause that an
    endpoint asked for lasts to its end: an earlier end never replaces a later one. Our own faults count against no
    limit and say nothing about the webhook; nor does a test that fails.
    """
    failed = {result.webhook_id for result in results if result.state is not WebhookEventState.DELIVERED}
    await lock_webhooks(conn, failed)
    columns = [[result[place] for result in results] for place in _STORED]
    rows = await conn.fetch(_RECORD_RESULTS, *columns, WEBHOOK_DELETED, list(NEVER_LEFT), list(OUR_FAULTS), FIRST_STEP)
    recorded = {row["id"] for row in rows}
    may_be_due = any(row["more_due"] or row["blocks_others"] for row in rows) or bool(failed) or not rows
    await release_next(conn, [row for row in rows if row["state"] != WebhookEventState.RETRYING])
    if exhausted := [one for one in results if _is_exhausted(one) and one.id in recorded]:
        await raise_exhausted(conn, [(one.id, _describe(one)) for one in exhausted])
    return StoredResults(recorded, may_be_due)


async def release_expired(conn: Connection) -> list[WebhookEventId]:
    """Make the events due again whose lease has expired: a worker has claimed them and stored no result.

    The outcome of those attempts stays unknown. Messages that were taken (PULL) are left out. Returns the events' ids.
    """
    expired = await conn.fetch(
        "select distinct +webhook_id as webhook_id from webhook_events_open"
        " where state = 'SENDING' and lease_until < statement_timestamp() and not is_pulled"
    )
    await lock_webhooks(conn, [row["webhook_id"] for row in expired])
    rows = await retry_if_moved(conn, lambda: conn.fetch(_RELEASE_EXPIRED, WEBHOOK_DELETED))
    return [row["webhook_event_id"] for row in rows]


_RELEASE_EXPIRED = f"""
with expired as ({transitions.EXPIRE}), given as (
  -- It may have arrived. At most one event of an entity is in flight, and tests don't count.
  insert into webhook_given as g (webhook_id, entity_type, entity_id, webhook_event_id, event_name)
  select webhook_id, entity_type, entity_id, id, event_name from expired
  where event_name <> 'test' and state <> 'CANCELLED'
  on conflict (webhook_id, entity_type, entity_id) do update set webhook_event_id = excluded.webhook_event_id,
    event_name = excluded.event_name, payload_digest = null
    where g.webhook_event_id < excluded.webhook_event_id
)
update delivery_attempts a set finished_at = clock_timestamp(), error_kind = 'UNKNOWN_OUTCOME',
  error = 'No outcome was recorded before the lease was over.'
from expired x where a.webhook_event_id = x.id and a.number = x.attempt_count and a.started_at = x.attempted_at
  and a.finished_at is null
returning a.webhook_event_id
"""


def _is_exhausted(result: Result) -> bool:
    """Tell whether the event has used up its retries. When the endpoint is gone, the webhook is disabled instead."""
    return result.state is WebhookEventState.FAILED and result.disable_reason is None


def _describe(result: Result) -> str:
    return exhausted_reason(
        attempts=result.attempt, status=result.status, error_kind=result.error_kind, error=result.error
    )
