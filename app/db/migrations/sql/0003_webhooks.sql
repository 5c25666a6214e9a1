-- Who may call, who subscribes, and what people do with webhooks. The queue is in 0004.

create table api_keys (
  id bigint generated always as identity primary key,
  seller_id bigint references sellers,  -- null: the operator
  name text not null,
  prefix text not null,                 -- the first characters, to tell keys apart
  hash bytea not null unique,           -- SHA-256 of the whole key; the key itself is shown once
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz,
  replaced_by bigint references api_keys,  -- the key that it was rotated to
  last_used_at timestamptz,             -- to the minute; processes write it once a minute for all keys
  constraint api_keys_scopes_fit check (seller_id is null or not 'keys' = any(scopes))
) with (fillfactor = 80);               -- room for last_used_at in place: no index holds it
create index api_keys_seller on api_keys (seller_id, id);

-- Mutations sent with an Idempotency-Key. A row commits together with the change that it stands for.
create table idempotency_keys (
  actor text not null,                  -- who sent it, an API key: `seller:7 key:12`
  key text not null,
  field text not null,                  -- the mutation's name in the response: an operation may hold several
  request_hash bytea not null,          -- SHA-256 of the operation and its variables
  made jsonb not null default '{}',     -- payload field → [table, id] of the row that was made
  sealed bytea,                         -- the rest of the payload, encrypted, because it may be a secret
  created_at timestamptz not null default now(),
  primary key (actor, key, field)
);
create index idempotency_keys_created on idempotency_keys (created_at);

create table webhooks (
  id bigint generated always as identity primary key,
  seller_id bigint references sellers,  -- the owner, as whom the query runs; null: the operator
  type text not null,
  event_names text[] not null,
  delivery text not null default 'PUSH' check (delivery in ('PUSH', 'PULL')),
  is_pulled boolean not null generated always as (delivery = 'PULL') stored,
  url text,                                   -- where it is POSTed to; null: receivers ask for it (PULL)
  query_string text not null,
  triggers text[] not null default '{}',      -- field paths; empty: whatever the query reads
  filter text,                                -- an expression over the result; null: everything is sent
  broken_reason text,                         -- null: all fits the schema of the version that looked last
  headers bytea,                              -- encrypted JSON object: name, value
  headers_shown jsonb not null default '{}',  -- the same as it may be read back: values are masked
  secrets bytea not null,                     -- encrypted JSON list of signing secrets, newest first
  secrets_expire_at timestamptz,              -- when the next rotated-out secret ceases to sign
  signature_schemes text[] not null default '{HMAC}',
  public_key text,                            -- of the newest Ed25519 key; null: none signs
  description text,
  handle text check (handle ~ '^[a-z0-9][a-z0-9_-]{0,62}$'), -- its owner's own name for it; null: none
  is_enabled boolean not null default true,
  disabled_reason text,                       -- why Tellgraph disabled it; null: it did not
  -- A trigger sets these three, for whoever disables webhooks or marks them: functions/note_health.sql.
  disabled_at timestamptz,                    -- null: it is enabled
  disabled_by text check (disabled_by in ('tellgraph', 'operator', 'seller', 'hand')), -- null: it is enabled
  broken_at timestamptz,                      -- null: it is not broken
  allow_skip boolean not null default true,
  every_change boolean not null default false,
  include_previous boolean not null default false,
  max_retries integer not null default 25 check (max_retries between 0 and 50),
  timeout_s integer not null default 15 check (timeout_s between 1 and 30),

  -- Pace
  concurrent_send_limit integer not null default 100,  -- POSTs in flight, or messages taken and not settled
  rate_limit integer check (rate_limit between 1 and 1000),  -- POSTs per second; null: no limit
  paused_until timestamptz,                   -- the endpoint asked for a pause (429, Retry-After): nothing is claimed

  -- Outages
  is_failing boolean not null default false,  -- the last attempt failed at the endpoint: claims give it few places
  failing_since timestamptz,                  -- since when no delivery has succeeded
  outage_reported_at timestamptz,             -- when FAILING was raised, or Tellgraph disabled it; null: neither
  resumed_at timestamptz,                     -- waiting retries attempted before this are made due; null: none are
  resume_size integer,                        -- events of the next step; null: all that one statement may take
  resume_stepped_at timestamptz,              -- the last step

  -- Reconciles of the receiver's copy
  reconcile_every_hours integer check (reconcile_every_hours between 1 and 720), -- null: on demand only
  reconcile_due_at timestamptz,               -- when the sweep starts the next one; null: never
  in_sync_as_of timestamptz,                  -- see app/webhooks/db/runs/webhook_reconciles.py; null: not known

  -- Missed changes. A trigger sets both, for whoever disables and enables webhooks: functions/note_missing.sql.
  missed_since bigint,                        -- it has missed changes after this turn; null: none
  enabled_turn bigint,                        -- another one each time it is enabled

  -- The health of a webhook, the gravest first. PAUSED stays until the next success, although the pause may be over.
  health text not null generated always as (case
    when deleted_at is not null then 'DELETED'
    when not is_enabled and disabled_by = 'tellgraph' then 'DISABLED_BY_TELLGRAPH'
    when not is_enabled then 'DISABLED'
    when broken_reason is not null then 'BROKEN'
    when is_failing then 'FAILING'
    when missed_since is not null then 'CATCHING_UP'
    when paused_until is not null then 'PAUSED'
    else 'OK' end) stored,
  -- The host of the URL in lower case, without its port.
  host text generated always as (lower(substring(url from '^[^:]*://([^:/?#]+|\[[^]]*\])'))) stored,

  is_temporary boolean not null default false,  -- the sweep deletes it when nobody asks for its messages any more
  last_tested_at timestamptz,
  deleted_at timestamptz,                     -- a deleted webhook is never enabled; its events stay readable
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  -- The transaction that last changed what publishing goes by. Workers keep webhooks in memory and read what has
  -- changed since: everything at or after the oldest transaction that was open when they last looked.
  changed_xid xid8 not null default pg_current_xact_id(),
  constraint webhooks_temporary_fits check (not is_temporary or delivery = 'PULL'),
  constraint webhooks_url_fits check ((url is null) = (delivery = 'PULL')),
  constraint webhooks_concurrent_send_limit_fits
    check (concurrent_send_limit between 1 and case delivery when 'PULL' then 1000 else 200 end),
  constraint webhooks_delivery unique (id, is_pulled)  -- for the queue, which keeps pulled events apart
);
create index webhooks_type on webhooks (type, id);
create unique index webhooks_handle on webhooks (coalesce(seller_id, 0), handle)
  where handle is not null and deleted_at is null;
create index webhooks_seller on webhooks (seller_id, id);
create index webhooks_health on webhooks (health, id);
create index webhooks_host on webhooks (host, id);
create index webhooks_changed on webhooks (changed_xid);
create index webhooks_secrets_expire on webhooks (secrets_expire_at) where secrets_expire_at is not null;
-- The sweep looks at these; they are few at any time.
create index webhooks_failing on webhooks (failing_since) where failing_since is not null;
create index webhooks_resumed on webhooks (resume_stepped_at nulls first, id) where resumed_at is not null;
create index webhooks_reconcile_due on webhooks (reconcile_due_at) where is_enabled and reconcile_due_at is not null;
-- The sweep looks for those that nobody asks for messages.
create index webhooks_temporary on webhooks (id) where is_temporary and deleted_at is null;
-- Webhooks that have to catch up.
create index webhooks_behind on webhooks (id) where is_enabled and missed_since is not null;
-- All webhooks for which missed changes are kept.
create index webhooks_missing on webhooks (type, id) where missed_since is not null;

-- A token is a POST that may begin. A table of its own, because only the claim writes it, under its lock. A claim that
-- wrote to webhooks after webhook_events would deadlock with whoever disables a webhook, in the other order.
-- No row: the bucket is full.
create table webhook_tokens (
  webhook_id bigint primary key references webhooks on delete cascade,
  tokens double precision not null,
  refilled_at timestamptz not null
) with (fillfactor = 50);

-- When somebody last took the messages of a pull webhook or waited for them, to the minute.
create table webhook_takers (
  webhook_id bigint primary key references webhooks on delete cascade,
  last_taken_at timestamptz not null
) with (fillfactor = 50);               -- room for updates in place

-- Backfills, replays and reconciles advance in batches. Each batch is one transaction, together with the new position.
-- The first batch sets total and last_id, which fix the end: what comes later is told anyway. They are null before.
create table webhook_backfills (
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  state text not null default 'RUNNING' check (state in ('RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
  reason text,                                -- why it failed
  filters jsonb,                              -- the caller's WebhookBackfillFilters; null: all that the owner sees
  updated_since timestamptz,
  updated_until timestamptz,
  rate_per_second integer not null,
  is_forced boolean not null,                 -- whether equal results are sent, too
  total integer,
  last_id bigint,
  position bigint not null default 0,         -- the last entity that was handled
  done integer not null default 0,
  skipped integer not null default 0,         -- how many of those done were not sent, because nothing was new
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
  reason text,                                -- why it failed
  created_since timestamptz,
  created_until timestamptz,
  states text[] not null,
  total integer,
  last_id bigint,
  position bigint not null default 0,         -- the last event that was handled
  done integer not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
create index webhook_replays_running on webhook_replays (id) where state = 'RUNNING';
create index webhook_replays_webhook on webhook_replays (webhook_id, id);

create table webhook_reconciles (
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  state text not null default 'RUNNING' check (state in ('RUNNING', 'DONE', 'CANCELLED', 'FAILED')),
  reason text,                                -- why it failed, or waits
  entity_ids bigint[],                        -- rising; what the receiver has named; null: everything
  is_scheduled boolean not null default false,
  rate_per_second integer not null,
  total integer,
  last_id bigint,
  position bigint not null default 0,         -- the last entity that was handled
  done integer not null default 0,
  sent integer not null default 0,            -- events that it has made
  failed integer not null default 0,          -- entities whose query could not be run
  -- The open events that the receiver has to confirm: those it has made, and those that had told the same already.
  first_event_id bigint,                      -- null: there was none
  last_event_id bigint,
  is_void boolean not null default false,     -- whether it can't be confirmed any more
  due_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz,
  confirmed_at timestamptz                    -- when the receiver had confirmed everything
);
create index webhook_reconciles_due on webhook_reconciles (due_at) where state = 'RUNNING';
create index webhook_reconciles_webhook on webhook_reconciles (webhook_id, id);
create index webhook_reconciles_unconfirmed on webhook_reconciles (id)
  where state = 'DONE' and confirmed_at is null and not is_void;

-- How many changes a webhook was not told of, because nothing that it watches changed. Nothing is written for each of
-- them: workers count in memory and add their counts every few seconds. The id gives the reasons a lasting order.
create table webhook_skips (
  id bigint generated always as identity,
  webhook_id bigint not null references webhooks on delete cascade,
  reason text not null,
  skipped bigint not null,
  first_at timestamptz not null default statement_timestamp(),
  last_at timestamptz not null default statement_timestamp(),
  primary key (webhook_id, reason)
) with (fillfactor = 80);               -- room for updates in place: no index holds what changes

-- What happens to webhooks themselves: disabled, failing, out of retries, recovered. An entity like others, so webhooks
-- tell of it like of others.
create table operational_events (
  id bigint generated always as identity primary key,
  webhook_id bigint references webhooks,      -- null: PUBLISH_FAILED concerns a change event, not one webhook
  kind text not null check (kind in ('DISABLED', 'FAILING', 'EXHAUSTED', 'RECOVERED', 'PUBLISH_FAILED')),
  webhook_event_id bigint,                    -- of EXHAUSTED. No foreign key: the event may be dropped first
  reason text not null,
  occurred_at timestamptz not null default clock_timestamp()
);
create index operational_events_webhook on operational_events (webhook_id, id);
create index operational_events_occurred on operational_events (occurred_at);
create index operational_events_of_kind on operational_events (kind, id);
create index operational_events_webhook_kind on operational_events (webhook_id, kind, id);
