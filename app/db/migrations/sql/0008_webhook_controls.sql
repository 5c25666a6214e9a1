-- What people do with webhooks by hand: delete, replay, cancel, test, backfill, rotate secrets.

alter table webhooks
  add column deleted_at timestamptz,          -- a deleted webhook is never enabled; its events stay readable
  add column last_tested_at timestamptz,
  add column signature_schemes text[] not null default '{HMAC}',
  add column public_key text,                 -- of the newest Ed25519 key; null: none signs
  add column secrets_expire_at timestamptz;   -- when the next rotated-out secret ceases to sign
create index webhooks_secrets_expire on webhooks (secrets_expire_at) where secrets_expire_at is not null;

alter table webhook_events
  add column replayed_at timestamptz,
  add column attempts_before integer not null default 0,  -- attempts before the last replay: they count against no limit
  drop constraint webhook_events_event_name_check,
  add constraint webhook_events_event_name_check
    check (event_name in ('create', 'update', 'destroy', 'test')) not valid;
-- Of events that could not be rendered, due_at says since when somebody wants it tried again.
create index webhook_events_to_render on webhook_events (id) where state = 'RENDER_FAILED' and due_at is not null;
drop index webhook_events_one_in_flight;
create unique index webhook_events_one_in_flight on webhook_events (webhook_id, entity_type, entity_id)
  where state = 'SENDING' and event_name <> 'test';

-- Both kinds of run are moved on in batches, each in one transaction with its position. `total` and `last_id` are
-- null until the first batch, which fixes the end: what comes later is told anyway.
create table webhook_backfills (
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  state text not null default 'RUNNING' check (state in ('RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
  reason text,                                -- why it failed
  updated_since timestamptz,
  updated_until timestamptz,
  rate_per_second integer not null,
  is_forced boolean not null,                 -- whether equal results are sent, too
  total integer,
  last_id bigint,
  position bigint not null default 0,         -- the last entity that was handled
  done integer not null default 0,
  skipped integer not null default 0,         -- of those done: not sent, because it would have told nothing new
  due_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
create index webhook_backfills_due on webhook_backfills (due_at) where state = 'RUNNING';
create index webhook_backfills_webhook on webhook_backfills (webhook_id, id);

create table webhook_replays (
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  state text not null default 'RUNNING' check (state in ('RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
  created_since timestamptz,
  created_until timestamptz,
  states text[] not null,
  total integer,
  last_id bigint,
  position bigint not null default 0,
  done integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
create index webhook_replays_running on webhook_replays (id) where state = 'RUNNING';
create index webhook_replays_webhook on webhook_replays (webhook_id, id);

-- Waits for the publishers of these entities, and keeps them away until the transaction ends. In the order of the
-- shards: two that lock several must not wait in a circle.
create function lock_entities(of_type text, ids bigint[]) returns void language plpgsql as $$
declare
  wanted integer;
begin
  for wanted in
    select distinct (hashint8extended(i.id, hashtext(of_type)) & 63)::integer as shard from unnest(ids) i(id) order by 1
  loop
    perform pg_advisory_xact_lock(7201, wanted);
  end loop;
end $$;

drop function claim_webhook_events(integer, integer, bigint, integer, double precision);
-- Claims due webhook events for one worker: marks them SENDING under a lease and writes their attempts.
-- A rotating walk over the webhooks that have open events, each with its own number of places, so that one
-- dead endpoint's backlog never fills a claim. The lock comes first, in a statement of its own: counted in one
-- statement with the claim, two overlapping claims would each see the other's places as free.
-- Every step is lateral to the one before: a full batch ends the walk, and rows come in the walk's order.
create function claim_webhook_events(
  batch_size integer, per_webhook integer, after_webhook_id bigint, failing_share integer, lease_s double precision
) returns table (id bigint, webhook_id bigint, entity_type text, entity_id bigint, event_name text, attempt integer,
  changed jsonb, changed_at timestamptz, first_attempted_at timestamptz, body bytea, url text, headers bytea,
  secrets bytea, timeout_s integer, max_retries integer, type text, attempts_before integer)
language plpgsql as $$
#variable_conflict use_column
declare
  claimed_at timestamptz;
begin
  perform pg_advisory_xact_lock(7202, 0);
  -- In a variable, because no index can be searched by a volatile function: a dead endpoint's events that wait for
  -- their retry would all be read, each time. After the lock, or events that fell due meanwhile would be missed.
  claimed_at := clock_timestamp();
  return query
  with recursive walk as (
    (select e.webhook_id, 1 as n from webhook_events e
     where e.state in ('PENDING', 'RETRYING') and e.webhook_id > after_webhook_id order by e.webhook_id limit 1)
    union all
    select (select e.webhook_id from webhook_events e
            where e.state in ('PENDING', 'RETRYING') and e.webhook_id > walk.webhook_id
            order by e.webhook_id limit 1), walk.n + 1
    from walk where walk.webhook_id is not null and walk.n < 10000
  ), picked as materialized (
    select p.id from walk cross join lateral (
      -- The offset keeps this from becoming a join of the whole table.
      select least(
        (case when w.is_failing then least(w.concurrent_send_limit, failing_share) else w.concurrent_send_limit end)
          - (select count(*) from webhook_events f where f.webhook_id = w.id and f.state = 'SENDING'),
        per_webhook) as free
      from webhooks w where w.id = walk.webhook_id and w.is_enabled offset 0
    ) places cross join lateral (
      select e.id from webhook_events e
      where e.webhook_id = walk.webhook_id and e.state in ('PENDING', 'RETRYING') and e.due_at <= claimed_at
        -- Not only SENDING ones: a newer event must not overtake an older one that waits for its retry.
        -- A test stands outside of the order: it must neither wait for a failing event nor hold one up.
        and (e.event_name = 'test' or not exists (
          select from webhook_events o where o.webhook_id = e.webhook_id and o.entity_type = e.entity_type
            and o.entity_id = e.entity_id and o.id < e.id and o.state in ('PENDING', 'RETRYING', 'SENDING', 'HELD')
            and o.event_name <> 'test'))
        -- Only what is replayed can be due while a newer event of the entity is in flight.
        and (e.replayed_at is null or not exists (
          select from webhook_events o where o.webhook_id = e.webhook_id and o.entity_type = e.entity_type
            and o.entity_id = e.entity_id and o.state = 'SENDING' and o.event_name <> 'test'))
      order by e.due_at, e.id limit greatest(places.free, 0)
    ) p limit batch_size
  ), claimed as (
    update webhook_events e set state = 'SENDING', attempt_count = e.attempt_count + 1,
      -- Longer than the POST may take, with 2 s to record it: expired while it is in flight, it would be sent twice.
      lease_until = claimed_at + make_interval(secs => greatest(lease_s, w.timeout_s + 2)),
      first_attempted_at = coalesce(e.first_attempted_at, claimed_at)
    from picked, webhooks w
    where e.id = picked.id and w.id = e.webhook_id and e.state in ('PENDING', 'RETRYING')
    returning e.*
  ), attempts as (
    insert into delivery_attempts (webhook_event_id, number) select c.id, c.attempt_count from claimed c
  )
  select c.id, c.webhook_id, c.entity_type, c.entity_id, c.event_name, c.attempt_count, c.changed, c.changed_at,
    c.first_attempted_at, p.body, w.url, w.headers, w.secrets, w.timeout_s,
    case when c.event_name = 'test' then 0 else w.max_retries end, w.type, c.attempts_before
  from claimed c join webhooks w on w.id = c.webhook_id join payloads p on p.digest = c.payload_digest
  order by c.id;
end $$;
