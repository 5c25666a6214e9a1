-- History is kept in partitions by time, and retention drops them (app/webhooks/db/retention.py). What the queue works with is
-- apart from it, in partitions of its own, so that claims cost the same after ten million events as after none.
--
-- What no partition was made for in time is in the default ones, which are indexed by time: old rows are deleted there.
--
-- No foreign key leads to a partitioned table: rows would be checked whenever they move, and no partition could be
-- dropped while another table refers to it. What stands in their place is said at each table.

-- Adds the partition of [since, until) to a table of partitions by range. Attached, because that locks no more than the
-- default partition against readers; made in place it would lock the whole table.
create function add_partition(parent text, since date, until date) returns void language plpgsql as $$
declare
  partition text := parent || '_' || to_char(since, 'YYYYMMDD');
  -- A bare date would be midnight in the session's time zone.
  midnight text := case when parent = 'payloads' then '' else ' 00:00:00+00' end;
begin
  execute format('create table %I (like %I including all)', partition, parent);
  execute format('alter table %I attach partition %I for values from (%L) to (%L)',
    parent, partition, since || midnight, until || midnight);
end $$;

-- What is there now goes into partitions of three days, the last thirty days of it; older rows into the default ones.
create function add_first_partitions(parent text, oldest timestamptz) returns void language plpgsql as $$
declare
  today date := (now() at time zone 'UTC')::date;
  since date := greatest(today - 30, least(today, (oldest at time zone 'UTC')::date));
begin
  while since <= today + 6 loop
    perform add_partition(parent, since, since + 3);
    since := since + 3;
  end loop;
end $$;

alter table change_events rename to old_change_events;
alter table payloads rename to old_payloads;
alter table webhook_events rename to old_webhook_events;
alter table delivery_attempts rename to old_delivery_attempts;
-- The new tables' indexes take over their names, and the new sequences go on where the old ones are.
do $$
declare
  old record;
begin
  for old in
    select c.oid::regclass as name, 'old_' || c.relname as new_name from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = any('{old_change_events,old_payloads,old_webhook_events,old_delivery_attempts}'::regclass[])
  loop
    execute format('alter index %s rename to %I', old.name, old.new_name);
  end loop;
  for old in select unnest('{change_events_id_seq,webhook_events_id_seq,delivery_attempts_id_seq}'::text[]) as name loop
    execute format('alter sequence %I rename to %I', old.name, 'old_' || old.name);
    execute format('create sequence %I', old.name);
    perform setval(old.name, nextval('old_' || old.name), false);
  end loop;
end $$;

-- The outbox. What waits to be published is in change_events_open, whatever else has happened.
create table change_events (
  id bigint not null default nextval('change_events_id_seq'),
  shard smallint generated always as ((hashint8extended(entity_id, hashtext(entity_type)) & 63)::smallint) stored,
  txid xid8 not null default pg_current_xact_id(),
  entity_type text not null,
  entity_id bigint not null,
  operation text not null check (operation in ('CREATE', 'UPDATE', 'DESTROY')),
  columns text[] not null,      -- table.column, or table.* for a row added or removed
  changes jsonb not null,       -- at most 50 of {t: table, id, p: ids of its parents below the entity, op: i|u|d, c: columns}
  is_cut boolean not null,      -- whether there were more than 50
  seller_id bigint,             -- whose it was, of a row deleted for good: nobody can look it up any more
  actor text default nullif(current_setting('tellgraph.actor', true), ''),
  recorded_at timestamptz not null default clock_timestamp(), -- now() is the transaction's start
  published_at timestamptz
) partition by list ((published_at is null));
alter sequence change_events_id_seq owned by change_events.id;
create table change_events_open partition of change_events (primary key (id)) for values in (true);
-- Shard first: dead entries of a shard share its leaf pages and are dropped before a split, so the claim
-- stays at a few buffers however many events have passed through.
create index change_events_unpublished on change_events_open (shard, id);
-- Nothing of Tellgraph's own reads what was published: an index would only cost.
create table change_events_published partition of change_events for values in (false) partition by range (recorded_at);
create table change_events_published_default partition of change_events_published default;
create index on change_events_published_default (recorded_at);

-- Rendered results, stored once a day however many webhooks share them. The day is, in UTC, that of created_at of the
-- webhook events that refer to it: both are written in one transaction. Their partitions have the same bounds, so
-- retention drops payloads together with the events that they belong to. (Instead of a foreign key.)
create table payloads (
  digest bytea not null,        -- SHA-256 of body
  day date not null default (now() at time zone 'UTC')::date,
  body bytea not null,
  primary key (digest, day)
) partition by range (day);
create table payloads_default partition of payloads default;
create index on payloads_default (day);

-- One change for one webhook. The id is also the sequence: it is given out under the entity's shard lock, so per
-- webhook and entity it rises with the state rendered. A change of state may move a row to another partition.
create table webhook_events (
  id bigint not null default nextval('webhook_events_id_seq'),
  webhook_id bigint not null,           -- a webhook that is deleted keeps its row: see webhooks.deleted_at
  entity_type text not null,
  entity_id bigint not null,
  event_name text not null check (event_name in ('create', 'update', 'destroy', 'test')),
  state text not null,
  reason text,                          -- why it was skipped, superseded, failed
  superseded_by bigint,
  payload_digest bytea,                 -- with created_at's day: see payloads
  changed jsonb not null,
  changed_at timestamptz not null,      -- when the (last) change was recorded
  may_be_known boolean not null default true, -- whether the subscriber may have heard of the entity before
  attempt_count integer not null default 0,
  attempts_before integer not null default 0, -- attempts before the last replay: they count against no limit
  due_at timestamptz,                   -- of a RENDER_FAILED one: since when somebody wants it tried again
  lease_until timestamptz,
  attempted_at timestamptz,             -- when its last attempt began: finds that in delivery_attempts
  last_status integer,
  first_attempted_at timestamptz,
  created_at timestamptz not null default now(), -- the transaction's start, as payloads.day is
  finished_at timestamptz,
  replayed_at timestamptz
) partition by list (state);
alter sequence webhook_events_id_seq owned by webhook_events.id;
create index webhook_events_by_webhook on webhook_events (webhook_id, id);
-- "What became of this object's changes?"
create index webhook_events_entity on webhook_events (entity_id, id);

-- What is still to be sent, or in flight. The queue's statements name it, or name its states, so that they are planned
-- against it alone.
create table webhook_events_open partition of webhook_events (
  primary key (id),
  foreign key (webhook_id) references webhooks
) for values in ('PENDING', 'SENDING', 'RETRYING', 'HELD');
-- The deliver claim's walk over webhooks with due rows.
create index webhook_events_due on webhook_events_open (webhook_id, due_at, id) where state in ('PENDING', 'RETRYING');
-- "Is anything due, and of which webhooks?"
create index webhook_events_next_due on webhook_events_open (due_at, webhook_id) where state in ('PENDING', 'RETRYING');
-- Tripwire of the order promise: one POST in flight per webhook and entity.
create unique index webhook_events_one_in_flight on webhook_events_open (webhook_id, entity_type, entity_id)
  where state = 'SENDING' and event_name <> 'test';
-- "Is an older one of this entity still open?"
create index webhook_events_of_entity on webhook_events_open (webhook_id, entity_type, entity_id, id);
-- How many of a webhook are in flight, and whose lease has expired.
create index webhook_events_sending on webhook_events_open (webhook_id, lease_until) where state = 'SENDING';
create index webhook_events_held on webhook_events_open (webhook_id, id) where state = 'HELD';

create table webhook_events_closed partition of webhook_events
  for values in ('DELIVERED', 'SKIPPED', 'SUPERSEDED', 'FAILED', 'CANCELLED', 'RENDER_FAILED')
  partition by range (created_at);
create index webhook_events_closed_id on webhook_events_closed (id);
-- "What failed?", of one webhook and of all: few of many events.
create index webhook_events_failed on webhook_events_closed (webhook_id, id)
  where state in ('FAILED', 'RENDER_FAILED', 'CANCELLED');
create index webhook_events_all_failed on webhook_events_closed (id)
  where state in ('FAILED', 'RENDER_FAILED', 'CANCELLED');
create index webhook_events_to_render on webhook_events_closed (id) where state = 'RENDER_FAILED' and due_at is not null;
create table webhook_events_closed_default partition of webhook_events_closed default;
create index on webhook_events_closed_default (created_at);

-- What each webhook was last given for an entity: what publishing compares with, and what outlives the event. Written
-- when an event is stored as delivered, and without a digest when it may have arrived all the same; cleared away when
-- its webhook is deleted.
create table webhook_given (
  webhook_id bigint not null references webhooks on delete cascade,
  entity_type text not null,
  entity_id bigint not null,
  webhook_event_id bigint not null,     -- may have been dropped
  event_name text not null,
  payload_digest bytea,
  primary key (webhook_id, entity_type, entity_id)
) with (fillfactor = 80);               -- room for updates in place: no index holds what changes

-- One POST each. An attempt is written when it begins, and once more in place when it ends: the time of its beginning
-- stays, so it needs no partition of open ones. Its event is found by webhook_event_id, as long as that is there.
-- (Instead of a foreign key.)
create table delivery_attempts (
  id bigint not null default nextval('delivery_attempts_id_seq'),
  webhook_event_id bigint not null,
  number integer not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,              -- null: in flight, or its worker died: outcome unknown
  status integer,                       -- null: no status arrived
  error_kind text,
  error text,
  response_body bytea,                  -- the first 8 KiB at most
  duration_ms integer,
  primary key (webhook_event_id, number, started_at)
) partition by range (started_at);
alter sequence delivery_attempts_id_seq owned by delivery_attempts.id;
create table delivery_attempts_default partition of delivery_attempts default;
create index on delivery_attempts_default (started_at);

select add_first_partitions('change_events_published', (select min(recorded_at) from old_change_events)),
  add_first_partitions('payloads', (select min(created_at) from old_webhook_events)),
  add_first_partitions('webhook_events_closed', (select min(created_at) from old_webhook_events)),
  add_first_partitions('delivery_attempts', (select min(started_at) from old_delivery_attempts));
drop function add_first_partitions(text, timestamptz);

insert into change_events (id, txid, entity_type, entity_id, operation, columns, changes, is_cut, seller_id, actor,
  recorded_at, published_at)
select id, txid, entity_type, entity_id, operation, columns, changes, is_cut, seller_id, actor, recorded_at, published_at
from old_change_events;

insert into payloads (digest, day, body)
select p.digest, d.day, p.body from old_payloads p
join (select distinct payload_digest, (created_at at time zone 'UTC')::date as day from old_webhook_events) d
  on d.payload_digest = p.digest;

insert into webhook_events (id, webhook_id, entity_type, entity_id, event_name, state, reason, superseded_by,
  payload_digest, changed, changed_at, may_be_known, attempt_count, attempts_before, due_at, lease_until, attempted_at,
  last_status, first_attempted_at, created_at, finished_at, replayed_at)
select e.id, e.webhook_id, e.entity_type, e.entity_id, e.event_name, e.state, e.reason, e.superseded_by,
  e.payload_digest, e.changed, e.changed_at, e.may_be_known, e.attempt_count, e.attempts_before, e.due_at, e.lease_until,
  a.started_at, e.last_status, e.first_attempted_at, e.created_at, e.finished_at, e.replayed_at
from old_webhook_events e
left join old_delivery_attempts a on a.webhook_event_id = e.id and a.number = e.attempt_count;

insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name, payload_digest)
select distinct on (webhook_id, entity_type, entity_id) webhook_id, entity_type, entity_id, id, event_name, payload_digest
from old_webhook_events where state = 'DELIVERED' and event_name <> 'test'
order by webhook_id, entity_type, entity_id, id desc;

insert into delivery_attempts (id, webhook_event_id, number, started_at, finished_at, status, error_kind, error,
  response_body, duration_ms)
select id, webhook_event_id, number, started_at, finished_at, status, error_kind, error, response_body, duration_ms
from old_delivery_attempts;

drop table old_delivery_attempts, old_webhook_events, old_payloads, old_change_events;

-- The queue's partitions are vacuumed by the number of dead rows, however few live ones they have.
alter table change_events_open set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
alter table webhook_events_open set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
