-- Who may call, who subscribes, what was rendered, what was sent.

create table api_keys (
  id bigint generated always as identity primary key,
  seller_id bigint references sellers,  -- null: the operator
  name text not null,
  prefix text not null,                 -- the first characters, to tell keys apart
  hash bytea not null unique,           -- SHA-256 of the whole key; the key itself is shown once
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);

create table webhooks (
  id bigint generated always as identity primary key,
  seller_id bigint references sellers,  -- the owner, as whom the query runs; null: the operator
  type text not null,
  events text[] not null,
  url text not null,
  query_string text not null,
  headers bytea,                        -- encrypted JSON object: name, value
  headers_shown jsonb not null default '{}',  -- what may be read back of it: values masked
  secrets bytea not null,               -- encrypted JSON list of signing secrets, newest first
  description text,
  is_enabled boolean not null default true,
  disabled_reason text,
  allow_skip boolean not null default true,
  every_change boolean not null default false,
  max_retries integer not null default 25 check (max_retries between 0 and 50),
  concurrent_send_limit integer not null default 100 check (concurrent_send_limit between 1 and 200),
  timeout_s integer not null default 15 check (timeout_s between 1 and 30),
  is_failing boolean not null default false,      -- the last attempt found no healthy endpoint: a small share of places
  failing_since timestamptz,                      -- since when no delivery has succeeded
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhooks_type on webhooks (type, id);
create index webhooks_seller on webhooks (seller_id, id);

-- Rendered results, stored once however many webhooks share them.
create table payloads (
  digest bytea primary key,             -- SHA-256 of body
  body bytea not null,
  created_at timestamptz not null default now()
);

create table webhook_events (
  -- The id is also the sequence: it is given out under the entity's shard lock, so per webhook and entity
  -- it rises with the state rendered.
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  entity_type text not null,
  entity_id bigint not null,
  event_name text not null check (event_name in ('create', 'update', 'destroy')),
  state text not null check (state in ('PENDING', 'SENDING', 'RETRYING', 'DELIVERED', 'SKIPPED', 'SUPERSEDED',
    'HELD', 'FAILED', 'CANCELLED', 'RENDER_FAILED')),
  reason text,                          -- why it was skipped, superseded, failed
  superseded_by bigint,
  payload_digest bytea references payloads,
  changed jsonb not null,
  changed_at timestamptz not null,      -- when the (last) change was recorded
  may_be_known boolean not null default true, -- whether the subscriber may have heard of the entity before
  attempt_count integer not null default 0,
  due_at timestamptz,
  lease_until timestamptz,
  last_status integer,
  first_attempted_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
-- The deliver claim's walk over webhooks with due rows.
create index webhook_events_due on webhook_events (webhook_id, due_at, id) where state in ('PENDING', 'RETRYING');
-- "Is anything due?", asked by each worker's poll.
create index webhook_events_next_due on webhook_events (due_at) where state in ('PENDING', 'RETRYING');
-- Tripwire of the order promise: one POST in flight per webhook and entity.
create unique index webhook_events_one_in_flight on webhook_events (webhook_id, entity_type, entity_id)
  where state = 'SENDING';
-- "Is an older one of this entity still open?"
create index webhook_events_open on webhook_events (webhook_id, entity_type, entity_id, id)
  where state in ('PENDING', 'RETRYING', 'SENDING', 'HELD');
-- "What was this webhook last given for this entity?"
create index webhook_events_given on webhook_events (webhook_id, entity_type, entity_id, id)
  where state in ('PENDING', 'RETRYING', 'SENDING', 'HELD', 'DELIVERED');
create index webhook_events_leased on webhook_events (lease_until) where state = 'SENDING';
create index webhook_events_by_webhook on webhook_events (webhook_id, id);
alter table webhook_events set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

create table delivery_attempts (
  id bigint generated always as identity primary key,
  webhook_event_id bigint not null references webhook_events,
  number integer not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,              -- null: in flight, or its worker died: outcome unknown
  status integer,                       -- null: no status arrived
  error_kind text,
  error text,
  response_body bytea,                  -- the first 8 KiB at most
  duration_ms integer,
  unique (webhook_event_id, number)
);

-- Claims due webhook events for one worker: marks them SENDING under a lease and writes their attempts.
-- A rotating walk over the webhooks that have open events, each with its own number of places, so that one
-- dead endpoint's backlog never fills a claim. The lock comes first, in a statement of its own: counted in one
-- statement with the claim, two overlapping claims would each see the other's places as free.
-- Every step is lateral to the one before: a full batch ends the walk, and rows come in the walk's order.
create function claim_webhook_events(
  batch_size integer, per_webhook integer, after_webhook_id bigint, failing_share integer, lease_s double precision
) returns table (id bigint, webhook_id bigint, entity_type text, entity_id bigint, event_name text, attempt integer,
  changed jsonb, changed_at timestamptz, first_attempted_at timestamptz, body bytea, url text, headers bytea,
  secrets bytea, timeout_s integer, max_retries integer, type text)
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
        and not exists (
          select from webhook_events o where o.webhook_id = e.webhook_id and o.entity_type = e.entity_type
            and o.entity_id = e.entity_id and o.id < e.id and o.state in ('PENDING', 'RETRYING', 'SENDING', 'HELD'))
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
    c.first_attempted_at, p.body, w.url, w.headers, w.secrets, w.timeout_s, w.max_retries, w.type
  from claimed c join webhooks w on w.id = c.webhook_id join payloads p on p.digest = c.payload_digest
  order by c.id;
end $$;
