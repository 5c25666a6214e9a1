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
