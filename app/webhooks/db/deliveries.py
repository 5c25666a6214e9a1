"""The deliver job's statements: claim due webhook events, record what became of them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from app.db.pool import Connection
from app.webhooks.db.operational_events import raise_exhausted
from app.webhooks.db.webhook_events import WebhookEventId, hold_open
from app.webhooks.db.webhook_resumptions import FIRST_STEP
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.attempt import NEVER_LEFT, OUR_FAULTS
from app.webhooks.domain.operational_event import exhausted_reason
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED, WebhookEventState


class DueEvent(NamedTuple):
    """A claimed webhook event with all that its POST needs. `headers` and `secrets` are sealed.

    body             the payload; empty when it is gone.
    attempts_before  those before it was last replayed: they count against no limit.
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
    url: str
    headers: bytes | None
    secrets: bytes
    timeout_s: int
    max_retries: int
    attempts_before: int = 0


_CHANGED = DueEvent._fields.index("changed")


class Result(NamedTuple):
    """What an attempt came to. `delay_s`: until the next one; None when there is none.

    pause_s  for how long the endpoint wants nothing at all; None when it doesn't say.
    """

    id: WebhookEventId
    webhook_id: WebhookId
    attempt: int
    state: WebhookEventState
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
        """Whether it speaks against the endpoint. Who tries one out is no outage, and our own faults are ours."""
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
) -> list[DueEvent]:
    """Mark due webhook events SENDING, under a lease, and write their attempts; one statement.

    Commit at once: until then nobody else can claim.

    Args:    limit — at most so many. per_webhook — of each webhook, beside its own limit. after — the webhook
             id after which the walk starts; when fewer than `limit` come back, go on from 0.
             failing_share — places of a webhook whose last attempt failed. lease_s — at least so long, and always
             longer than the webhook's own time limit. max_bytes — the payload that reaches so many is the last; None:
             however many. only_idle — of webhooks alone that are not failing and have nothing in flight.
    Source:  migrations/functions/claim_webhook_events.sql.
    """
    rows = await conn.fetch(
        f"select {', '.join(DueEvent._fields)} from claim_webhook_events($1, $2, $3, $4, $5, $6, $7)",
        limit,
        per_webhook,
        after,
        failing_share,
        lease_s,
        max_bytes,
        only_idle,
    )
    return [DueEvent._make([*row[:_CHANGED], orjson.loads(row[_CHANGED]), *row[_CHANGED + 1 :]]) for row in rows]


async def record_results(conn: Connection, results: Sequence[Result]) -> set[WebhookEventId]:
    """Store what attempts came to; a late result of an expired lease changes nothing.

    A webhook whose attempts of this batch all failed is marked failing until one succeeds. A pause that was
    asked for holds to its end, whatever was in flight: an earlier end takes no later one's place. What is our
    own fault counts against no limit, and says nothing of the webhook; nor does a test that fails.
    Returns: the ids of the webhook events that were still in flight, and are recorded now.
    """
    failed = {result.webhook_id for result in results if result.state is not WebhookEventState.DELIVERED}
    await lock_webhooks(conn, failed)
    rows = await conn.fetch(
        """
        with r as (
          select r.*, w.is_enabled, w.deleted_at from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::int[],
            $6::text[], $7::text[], $8::bytea[], $9::int[], $10::float8[], $12::float8[], $15::bigint[])
            r(id, attempt, state, reason, status, error_kind, error, response_body, duration_ms, delay_s, pause_s,
              webhook_id)
          cross join lateral (select w.is_enabled, w.deleted_at from webhooks w where w.id = r.webhook_id offset 0) w
        ), recorded as (
          update webhook_events e set
            state = case when r.state <> 'RETRYING' or r.is_enabled then r.state
              when r.deleted_at is null then 'HELD' else 'CANCELLED' end,
            reason = case when r.state = 'RETRYING' and r.deleted_at is not null then $11
              -- That the filter failed stays to be seen.
              else coalesce(r.reason, substring(e.reason from '^The filter failed: .*')) end,
            last_status = r.status, lease_until = null,
            attempts_before = e.attempts_before + coalesce(r.error_kind = any ($14::text[]), false)::integer,
            due_at = case when r.is_enabled then clock_timestamp() + make_interval(secs => r.delay_s) end,
            finished_at = case when r.state <> 'RETRYING' or r.deleted_at is not null then clock_timestamp() end
          from r
          -- Found by their ids, whatever the plan was made for: the first list of states names the partition of open
          -- events, and the state itself is none that an index could be searched by.
          where e.id = any($1::bigint[]) and e.id = r.id and e.state in ('PENDING', 'SENDING', 'RETRYING', 'HELD')
            and e.state || '' = 'SENDING' and equals_at_cost(e.attempt_count, r.attempt)
          returning e.id, e.webhook_id, e.entity_type, e.entity_id, e.event_name, e.payload_digest, e.attempted_at,
            r.attempt, r.state, r.status, r.error_kind, r.error, r.response_body, r.duration_ms, r.pause_s
        ), given as (
          insert into webhook_given as g (webhook_id, entity_type, entity_id, webhook_event_id, event_name,
            payload_digest)
          select distinct on (webhook_id, entity_type, entity_id) webhook_id, entity_type, entity_id, id, event_name,
            -- An endpoint may have taken in what it has not answered well: nothing equals that.
            case when state = 'DELIVERED' then payload_digest end
          from recorded
          where event_name <> 'test' and (state = 'DELIVERED' or error_kind is null or error_kind <> all ($13::text[]))
          order by webhook_id, entity_type, entity_id, id desc
          -- What is replayed may be older than what was delivered since; or have been delivered before.
          on conflict (webhook_id, entity_type, entity_id) do update set webhook_event_id = excluded.webhook_event_id,
            event_name = excluded.event_name, payload_digest = excluded.payload_digest
            where g.webhook_event_id < excluded.webhook_event_id
              or g.webhook_event_id = excluded.webhook_event_id and excluded.payload_digest is not null
        ), attempts as (
          update delivery_attempts a set finished_at = clock_timestamp(), status = d.status,
            error_kind = d.error_kind, error = d.error, response_body = d.response_body, duration_ms = d.duration_ms
          -- All from one row, so that its time alone decides which partition is looked into.
          from recorded d
          where a.webhook_event_id = d.id and a.number = d.attempt and a.started_at = d.attempted_at
        ), health as (
          select webhook_id, not bool_or(state = 'DELIVERED') as is_failing,
            clock_timestamp() + make_interval(secs => max(pause_s)) as paused_until
          from recorded where (error_kind is null or error_kind <> all ($14::text[]))
            -- Who tries an endpoint out is no outage.
            and (event_name <> 'test' or state = 'DELIVERED' or pause_s is not null)
          group by webhook_id
        ), marked as (
          update webhooks w set is_failing = h.is_failing,
            failing_since = case when h.is_failing then coalesce(w.failing_since, clock_timestamp()) end,
            -- Only a pause that is over is cleared: successes that were in flight before it say nothing against it.
            paused_until = greatest(
              case when h.is_failing or w.paused_until > clock_timestamp() then w.paused_until end, h.paused_until),
            outage_reported_at = case when h.is_failing or not w.is_enabled then w.outage_reported_at end,
            -- The first success after an outage that was reported: what waits is brought forward, by steps. Not when it
            -- fails again; but what somebody has asked for goes on.
            resumed_at = case
              when h.is_failing then case when w.resume_size is null then w.resumed_at end
              when w.is_enabled and w.outage_reported_at is not null then clock_timestamp() else w.resumed_at end,
            resume_size = case when not h.is_failing and w.is_enabled and w.outage_reported_at is not null
              and (w.resumed_at is null or w.resume_size is not null) then $16 else w.resume_size end
          from health h where w.id = any(array(select webhook_id from health)) and w.id = h.webhook_id
            and equals_at_cost(w.id, h.webhook_id) and (w.is_failing <> h.is_failing or h.paused_until is not null
            or not h.is_failing and (w.paused_until <= clock_timestamp()
              or w.is_enabled and w.outage_reported_at is not null))
        )
        select id from recorded
        """,
        [result.id for result in results],
        [result.attempt for result in results],
        [result.state.value for result in results],
        [result.reason for result in results],
        [result.status for result in results],
        [result.error_kind for result in results],
        [result.error for result in results],
        [result.response_body for result in results],
        [result.duration_ms for result in results],
        [result.delay_s for result in results],
        WEBHOOK_DELETED,
        [result.pause_s for result in results],
        list(NEVER_LEFT),
        list(OUR_FAULTS),
        [result.webhook_id for result in results],
        FIRST_STEP,
    )
    recorded = {row["id"] for row in rows}
    if exhausted := [(one.id, _exhausted(one)) for one in results if _is_exhausted(one) and one.id in recorded]:
        await raise_exhausted(conn, exhausted)
    return recorded


def _is_exhausted(result: Result) -> bool:
    """Where the endpoint is gone, the webhook is disabled, which is told instead."""
    return result.state is WebhookEventState.FAILED and result.disable_reason is None


def _exhausted(result: Result) -> str:
    return exhausted_reason(
        attempts=result.attempt, status=result.status, error_kind=result.error_kind, error=result.error
    )


async def disable_webhook(conn: Connection, webhook_id: WebhookId, reason: str) -> bool:
    """Disable, with the reason that its owner reads, and hold back what it has not been given yet.

    Returns: False when it was disabled already.
    """
    status = await conn.execute(
        "update webhooks set is_enabled = false, disabled_reason = $2, updated_at = now(),"
        " outage_reported_at = coalesce(outage_reported_at, clock_timestamp()) where id = $1 and is_enabled",
        webhook_id,
        reason,
    )
    await hold_open(conn, webhook_id)
    return bool(status == "UPDATE 1")


async def list_failing(conn: Connection, ids: Collection[WebhookId], *, days: int) -> list[WebhookId]:
    """Those of these webhooks, locked already, that are enabled and have had no success for so many days; by id."""
    rows = await conn.fetch(
        "select id from webhooks where id = any($1::bigint[]) and is_enabled"
        " and failing_since <= clock_timestamp() - make_interval(days => $2) order by id",
        list(ids),
        days,
    )
    return [row["id"] for row in rows]


async def lock_webhooks(conn: Connection, ids: Collection[WebhookId]) -> None:
    """Keep webhooks from being enabled or disabled until the transaction ends.

    Else an event could be held for a webhook that is just being enabled, and nobody would release it.
    """
    if ids:
        await conn.execute("select from webhooks where id = any($1::bigint[]) order by id for no key update", list(ids))
