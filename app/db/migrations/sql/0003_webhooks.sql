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
