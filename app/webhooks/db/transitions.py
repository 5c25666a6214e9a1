"""Every statement that sets the state of a webhook event, in the order of its life; the modules beside this run them.

The moves that they may make are in app/webhooks/domain/webhook_event.py, and
tests/app/webhooks/db/test_transitions.py compares the two. `Transition.CLAIM` is the function claim_webhook_events:
app/db/migrations/functions/claim_webhook_events.sql.
"""

from collections.abc import Iterable
from typing import Final

from app.webhooks.domain.webhook_event import DUE, OPEN, RESENDABLE, WAITING, WebhookEventState


def sql_states(states: Iterable[WebhookEventState]) -> str:
    """Return states as a list of SQL literals. Parameters would not do: partial indexes need the values."""
    return ", ".join(f"'{state.value}'" for state in states)


#: Waits for its time, in SQL.
DUE_STATES: Final = sql_states(DUE)
#: Neither sent nor in flight, in SQL.
WAITING_STATES: Final = sql_states(WAITING)
#: Still to be sent, or in flight, in SQL.
OPEN_STATES: Final = sql_states(OPEN)
#: What the end of an event is told by: see ordering/blocked_events.py.
ENDED: Final = "e.webhook_id, e.entity_type, e.entity_id, e.blocks_others"

#: $1 to $10: the columns of `NewWebhookEvent`. $11: which are to be claimed at once; they are, if their webhook has a
#: place for them, and no other event of their entity is open. $12: the seconds of their leases at least. $13: how many
#: of one webhook, at most. Gives the rows in order; a claimed one has a lease.
INSERT: Final = """
with given as materialized (
  select nextval('webhook_events_id_seq') as id, n.* from
    -- In SELECTs, so that the arrays' lengths are no reason to plan it anew each time.
    unnest((select $1::bigint[]), (select $2::text[]), (select $3::bigint[]), (select $4::text[]),
      (select $5::text[]), (select $6::text[]), (select $7::bytea[]), (select $8::text[]),
      (select $9::timestamptz[]), (select $10::boolean[]), (select $11::boolean[]))
    with ordinality n(webhook_id, entity_type, entity_id, event_name, state, reason, digest, changed,
      changed_at, may_be_known, is_wanted, place) order by place
), places as materialized (
  select jsonb_object_agg(p.webhook_id, p.free) as free from (
    select array_agg(distinct webhook_id) as ids from given where is_wanted having bool_or(is_wanted)
  ) w cross join lateral lock_free_places(w.ids, $13) p
), made as materialized (
  select g.*, clock_timestamp() as made_at, g.is_wanted
    -- By key and not by a join, which compares each event with each webhook.
    and coalesce(g.turn <= (p.free ->> g.webhook_id::text)::integer, false)
    -- The offset keeps the look-up from becoming one at all open events.
    and not exists (
      select from webhook_events_open o where +o.entity_id = g.entity_id and o.entity_type = g.entity_type
        and 0 + o.webhook_id = g.webhook_id and o.event_name <> 'test' offset 0) as is_claimed
  from (select *, row_number() over (partition by webhook_id, is_wanted order by place) as turn from given) g
  -- Joined, the places are counted before the first event is inserted, which would count as due.
  cross join places p
), inserted as (
  insert into webhook_events (id, webhook_id, entity_type, entity_id, event_name, state, reason,
    payload_digest, changed, changed_at, may_be_known, due_at, finished_at, is_pulled,
    attempt_count, attempted_at, first_attempted_at, lease_until)
  overriding system value
  select made.id, webhook_id, entity_type, entity_id, event_name,
    case when is_claimed then 'SENDING' else state end, reason, digest, changed::jsonb,
    changed_at, may_be_known, case when state = 'PENDING' then made_at end,
    case when state not in ('PENDING', 'HELD') then made_at end, w.is_pulled,
    is_claimed::integer, case when is_claimed then made_at end, case when is_claimed then made_at end,
    case when is_claimed then made_at + make_interval(secs => greatest($12, w.timeout_s + 2)) end
  from made cross join lateral (
    select w.is_pulled, w.timeout_s from webhooks w where w.id = made.webhook_id offset 0) w
  returning id, webhook_id, changed, attempted_at, first_attempted_at, lease_until
), attempts as (
  insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at)
  select i.webhook_id, i.id, 1, i.attempted_at from inserted i where i.lease_until is not null
)
select i.id, i.first_attempted_at, i.lease_until, w.type, w.url, w.headers, w.secrets, w.timeout_s, w.max_retries,
  -- As it is stored, in whose order later attempts have it, too: each has the same bytes.
  w.seller_id, case when i.lease_until is not null then i.changed end as changed
from inserted i left join lateral (
  select w.* from webhooks w where w.id = i.webhook_id and i.lease_until is not null offset 0) w on true
order by i.id
"""

#: $1 webhook, $2 entity type, $3 entity, $4 digest, $5 what has changed.
INSERT_TEST: Final = """
insert into webhook_events as e (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,
  changed_at, due_at, is_pulled)
values ($1, $2, $3, 'test', 'PENDING', $4, $5::text::jsonb, clock_timestamp(), clock_timestamp(),
  (select w.is_pulled from webhooks w where w.id = $1))
"""

#: $1 ids, $2 a JSON object of each id's newer event. By ids, and not by a join with the pairs: planned while nothing
#: waited, a join would read everything that waits, each time.
_SUPERSEDE: Final = """
update webhook_events e set state = 'SUPERSEDED', due_at = null, finished_at = clock_timestamp(),
  -- In a SELECT, which reads the text once and not for each row.
  superseded_by = ((select $2::text::jsonb) ->> e.id::text)::bigint,
  reason = 'A newer state of the entity goes out in its place.'
where {id} = any($1::bigint[]) and e.state in ({states}) returning {ended}
"""
#: Two statements, so that the first, which is the usual one, is planned against the partition of open events alone.
SUPERSEDE: Final = _SUPERSEDE.format(id="0 + e.id", states=WAITING_STATES, ended=ENDED)
SUPERSEDE_UNRENDERED: Final = _SUPERSEDE.format(
    id="e.id", states=sql_states([WebhookEventState.RENDER_FAILED]), ended=ENDED
)


def _restated(name: str) -> str:
    """Return the new value of a column of the event `e`, as SQL over the JSON object $2.

    By the event's key and not by a join, which compares each event with each when it was planned for few. In a SELECT,
    the text is read once and not for each event.
    """
    return f"((select $2::text::jsonb) -> e.id::text ->> '{name}')"


#: $1 ids, $2 a JSON object of the new values of each.
RESTATE: Final = f"""
update webhook_events e set state = case when {_restated("state")} = 'SKIPPED' then 'SKIPPED' else e.state end,
  reason = coalesce({_restated("reason")}, e.reason), event_name = {_restated("event_name")},
  may_be_known = {_restated("may_be_known")}::boolean, changed = {_restated("changed")}::jsonb,
  due_at = case when {_restated("state")} <> 'SKIPPED' then e.due_at end,
  finished_at = case when {_restated("state")} = 'SKIPPED' then clock_timestamp() end
where 0 + e.id = any($1::bigint[]) and e.state in ('PENDING', 'HELD')
returning {ENDED}, e.state
"""

#: The results `r` of attempts are stored: $1 their ids, $13 `WEBHOOK_DELETED`, $15 `OUR_FAULTS`.
RECORD: Final = f"""
update webhook_events e set
  state = case when r.state <> 'RETRYING' or r.is_enabled then r.state
    when r.deleted_at is null then 'HELD' else 'CANCELLED' end,
  reason = case when r.state = 'RETRYING' and r.deleted_at is not null then $13
    -- That the filter failed stays to be seen.
    else coalesce(r.reason, substring(e.reason from '^The filter failed: .*')) end,
  last_status = r.status, lease_until = null,
  attempts_before = e.attempts_before + coalesce(r.error_kind = any ($15::text[]), false)::integer,
  due_at = case when r.is_enabled then clock_timestamp() + make_interval(secs => r.delay_s) end,
  finished_at = case when r.state <> 'RETRYING' or r.deleted_at is not null then clock_timestamp() end
from r
-- Found by their ids, whatever the plan was made for: the first list of states names the partition of open
-- events, and the state itself is none that an index could be searched by.
where 0 + e.id = any($1::bigint[]) and 0 + e.id = r.id and e.state in ({OPEN_STATES})
  and e.state || '' = 'SENDING' and equals_at_cost(e.attempt_count, r.attempt)
  and equals_at_cost(e.webhook_id, r.webhook_id)
returning e.id, {ENDED}, e.event_name, e.payload_digest, e.attempted_at,
  r.attempt, r.state, r.status, r.error_kind, r.error, r.response_body, r.duration_ms, r.pause_s
"""

#: $1 `WEBHOOK_DELETED`.
EXPIRE: Final = """
update webhook_events e set
  state = case when w.is_enabled then 'RETRYING' when w.deleted_at is null then 'HELD' else 'CANCELLED' end,
  reason = case when w.deleted_at is not null then $1 end, lease_until = null,
  due_at = case when w.is_enabled then clock_timestamp() end,
  finished_at = case when w.deleted_at is not null then clock_timestamp() end
from webhooks w where w.id = e.webhook_id and e.state = 'SENDING' and e.lease_until < statement_timestamp()
  -- The end of a message's lease is the receiver's failure: an outcome, which is recorded as such.
  and not e.is_pulled
returning e.id, e.attempt_count, e.attempted_at, e.webhook_id, e.entity_type, e.entity_id, e.event_name, e.state
"""

#: $1 webhook, $2 how many at most.
HOLD: Final = f"""
update webhook_events_open set state = 'HELD', due_at = null
-- An array, found by key: a join that was planned for few compares everything that waits with each.
where 0 + id = any(array(
  select id from webhook_events_open where +webhook_id = $1 and state in ({DUE_STATES}) limit $2))
  and state || '' in ({DUE_STATES})
"""

#: $1 webhook, $2 how many at most. An event that is older than a missed change stays: when the webhook catches up, a
#: newer state takes its place. Not so for a webhook that is told of every change.
RELEASE: Final = """
update webhook_events_open set state = case when attempt_count = 0 then 'PENDING' else 'RETRYING' end,
  due_at = clock_timestamp()
-- An array, found by key: a join that was planned for few compares everything that is held with each.
where state || '' = 'HELD' and 0 + id = any(array(
  select h.id from (
    select e.id, e.entity_type, e.entity_id, e.replayed_at from webhook_events_open e
    where +e.webhook_id = $1 and e.state = 'HELD' order by +e.id limit $2
  ) h where h.replayed_at is not null or not exists (
    select from webhooks w left join webhook_catch_ups c on c.webhook_id = w.id
    join missed_changes m on m.entity_type = h.entity_type and m.entity_id = h.entity_id
    where w.id = $1 and not w.every_change
      and m.turn > greatest(c.positions[m.shard + 1], w.missed_since))))
"""

#: $1 ids, $2 whether the webhook is enabled, $3 the reason that a RENDER_FAILED one is given.
REPLAY: Final = f"""
update webhook_events e set
  state = case when e.state = 'RENDER_FAILED' then e.state when not $2 then 'HELD'
    when e.state = 'RETRYING' then e.state else 'PENDING' end,
  reason = case e.state when 'RENDER_FAILED' then $3 when 'RETRYING' then e.reason end,
  due_at = case when e.state = 'RENDER_FAILED' or $2 then clock_timestamp() end,
  superseded_by = null, finished_at = null, first_attempted_at = null,
  attempts_before = e.attempt_count,
  replayed_at = case when e.state = 'RETRYING' then e.replayed_at else clock_timestamp() end
where e.id = any($1::bigint[]) and e.event_name <> 'test' and (
  e.state in ({sql_states(RESENDABLE)}) and e.payload_digest is not null
  or e.state = 'RETRYING' or e.state = 'RENDER_FAILED' and e.due_at is null)
returning e.*
"""

#: $1 id, $2 reason.
CANCEL: Final = f"""
update webhook_events e set state = 'CANCELLED', due_at = null, finished_at = clock_timestamp(), reason = $2
where e.id = $1 and e.state in ({WAITING_STATES})
"""

#: $1 webhook, $2 reason, $3 how many at most.
CANCEL_ALL: Final = f"""
update webhook_events set state = 'CANCELLED', due_at = null, finished_at = clock_timestamp(), reason = $2
where id in (select id from webhook_events_open where webhook_id = $1 and state in ({WAITING_STATES}) limit $3)
  and state in ({WAITING_STATES})
"""
