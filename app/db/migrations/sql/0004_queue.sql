-- The queue: what changed, what is to be sent of it, each attempt; and what disabled webhooks miss.
--
-- History is kept in partitions by time, and retention drops them (app/webhooks/db/retention.py). Rows that the queue
-- works with have partitions of their own, so a claim costs the same after ten million events as after none. A row for
-- which no partition was made in time is in a default partition. These are indexed by time, and old rows are deleted
-- there.
--
-- No foreign key leads to a partitioned table: it would be checked whenever a row moves, and no partition could be
-- dropped while another table refers to it. Each table says what stands in its place.

-- Change events

-- The outbox: statement-level triggers write it in the writer's own transaction. Each `migrate` generates them
-- (app/capture/triggers.py). What waits to be published is in change_events_open.
create table change_events (
  id bigserial not null,
  shard smallint generated always as ((hashint8extended(entity_id, hashtext(entity_type)) & 63)::smallint) stored,
  -- Which queue it waits in. 0: ordinary. 1: of a transaction that changed many entities, or left over by a step.
  -- 2: heavy for itself, by its bodies or by its number of webhooks. 3: set aside after a failure.
  lane smallint not null default 0,
  turn bigint,                  -- later than its id for what a step left over, which goes to the back; null: its id
  txid xid8 not null default pg_current_xact_id(),
  entity_type text not null,
  entity_id bigint not null,
  operation text not null check (operation in ('CREATE', 'UPDATE', 'DESTROY')),
  columns text[] not null,      -- table.column, or table.* for a row added or removed
  -- At most 50 of {t: table, id, p: ids of its parents below the entity, op: i|u|d, c: columns}.
  changes jsonb not null,
  is_cut boolean not null,      -- whether there were more than 50
  seller_id bigint,             -- the seller of a row that was deleted for good: nobody can look it up any more
  actor text default nullif(current_setting('tellgraph.actor', true), ''),
  webhook_ids bigint[],         -- the webhooks that are still to be told; null: all of them
  failure text,                 -- why it was set aside
  recorded_at timestamptz not null default clock_timestamp(), -- now() is the transaction's start
  published_at timestamptz
) partition by list ((published_at is null));

-- A queue's partition is vacuumed by its number of dead rows, however few live ones it has.
create table change_events_open partition of change_events (primary key (id)) for values in (true) with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
-- +id and not id, so that what is found by its id is found by the primary key alone: see webhook_events_by_id.
-- Shard before turn: dead entries of a shard share its leaf pages and are dropped before a split, so the claim
-- stays at a few buffers however many events have passed through.
create index change_events_unpublished on change_events_open (lane, shard, (coalesce(turn, id)), (+id));
-- All events of an entity, whichever lane they wait in: they are published together.
create index change_events_open_of_entity on change_events_open (entity_type, entity_id, (+id));

create table change_events_published partition of change_events for values in (false) partition by range (recorded_at);
-- "What was recorded of this entity lately?" Without its type, which would make each entry a third larger: few types
-- share a number, and the reader looks at a bounded number of entries (app/capture/entity_changes.py).
create index change_events_of_entity on change_events_published (entity_id, id);
create table change_events_published_default partition of change_events_published default;
create index on change_events_published_default (recorded_at);

-- Webhook events

-- Rendered results, stored once a day however many webhooks share them. The day is, in UTC, that of created_at of the
-- webhook events that refer to it: both are written in one transaction. Partitions of both have the same bounds, so
-- retention drops payloads together with their events. (Instead of a foreign key.) Publishing copies an older payload
-- into its own day when the body of a webhook event may have it as `previous`: so both are kept for equally long.
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
  id bigserial not null,
  webhook_id bigint not null,           -- a webhook that is deleted keeps its row: see webhooks.deleted_at
  entity_type text not null,
  entity_id bigint not null,
  event_name text not null check (event_name in ('create', 'update', 'destroy', 'test')),
  state text not null,
  reason text,                          -- why it was skipped, superseded, failed
  superseded_by bigint,
  payload_digest bytea,                 -- with created_at's day: see payloads
  -- What the body has as `previous`, of the same day. Its first claim sets it once and for all. Empty: null. null: the
  -- body has no `previous`, or the event has not been claimed yet.
  previous_digest bytea,
  changed jsonb not null,
  changed_at timestamptz not null,      -- when the (last) change was recorded
  may_be_known boolean not null default true, -- whether the subscriber may have heard of the entity before
  attempt_count integer not null default 0,
  attempts_before integer not null default 0, -- attempts before the last replay: they count against no limit
  -- When it is to be sent. PENDING or RETRYING without it: once the older event of its entity has ended that it waits
  -- for (app/webhooks/db/ordering/blocked_events.py). RENDER_FAILED: since when somebody wants it tried again.
  due_at timestamptz,
  lease_until timestamptz,
  attempted_at timestamptz,             -- when its last attempt began: finds that in delivery_attempts
  last_status integer,
  first_attempted_at timestamptz,
  created_at timestamptz not null default now(), -- the transaction's start, as payloads.day is
  finished_at timestamptz,
  replayed_at timestamptz,
  is_pulled boolean not null default false, -- as its webhook
  blocks_others boolean not null default false  -- whoever ends it makes the next event of its entity due
) partition by list (state);
create index webhook_events_by_webhook on webhook_events (webhook_id, id);
-- "What became of this entity's changes?"
create index webhook_events_entity on webhook_events (entity_id, id);
-- "What was made of changes in that hour?"
create index webhook_events_created on webhook_events (created_at, id);

-- What is still to be sent, or in flight. The queue's statements name this partition, or its states, so that they are
-- planned against it alone.
create table webhook_events_open partition of webhook_events (
  primary key (id),
  foreign key (webhook_id, is_pulled) references webhooks (id, is_pulled)
) for values in ('PENDING', 'SENDING', 'RETRYING', 'HELD') with (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000
);
-- The queue's own indexes have +id, +webhook_id and +entity_id in the place of the columns, and so have its statements.
-- Most of the time the partition is nearly empty, and by ANALYZE any index that has the column would do. But each index
-- still has all that has passed through since the oldest snapshot, which a backup keeps for hours: found by
-- webhook_events_by_webhook, one event would cost as much as all of them. No statement can be planned by an index with
-- other expressions than its own. Nor by a column that is not an index's first, which would read the whole index: the
-- id that events are found by is 0 + id, and the webhook that stands behind an entity is 0 + webhook_id.
create unique index webhook_events_by_id on webhook_events_open ((0 + id));
-- The deliver claim's walk over webhooks with due rows, and what one of them has. Pulled events apart: they may wait for
-- days, and no worker is to look at them.
create index webhook_events_due on webhook_events_open (is_pulled, (+webhook_id), due_at, (+id))
  where state in ('PENDING', 'RETRYING');
-- "Is anything due, and of which webhooks?"
create index webhook_events_next_due on webhook_events_open (due_at, webhook_id)
  where state in ('PENDING', 'RETRYING') and not is_pulled;
-- Tripwire of the order promise: one POST in flight per webhook and entity. A test stands outside of the order.
create unique index webhook_events_one_in_flight on webhook_events_open (webhook_id, entity_type, entity_id)
  where state = 'SENDING' and event_name <> 'test';
-- What waits for the end of an older one of its entity, and has no due time until then.
create index webhook_events_set_aside on webhook_events_open (id)
  where state in ('PENDING', 'RETRYING') and due_at is null;
-- "Is an older one of this entity still open?"
create index webhook_events_of_entity on webhook_events_open ((+entity_id), entity_type, (0 + webhook_id), (+id));
-- How many of a webhook are in flight, and whose lease has expired.
create index webhook_events_sending on webhook_events_open ((+webhook_id), lease_until) where state = 'SENDING';
create index webhook_events_held on webhook_events_open ((+webhook_id), (+id)) where state = 'HELD';

create table webhook_events_closed partition of webhook_events
  for values in ('DELIVERED', 'SKIPPED', 'SUPERSEDED', 'FAILED', 'CANCELLED', 'RENDER_FAILED')
  partition by range (created_at);
create index webhook_events_closed_id on webhook_events_closed (id);
create index webhook_events_to_render on webhook_events_closed (id)
  where state = 'RENDER_FAILED' and due_at is not null;
-- Each state and name by itself, of one webhook and of all. Most of a history are updates that were delivered. They are
-- in neither index, so these cost such a delivery nothing.
create index webhook_events_of_kind on webhook_events_closed (state, event_name, id)
  where not (state = 'DELIVERED' and event_name = 'update');
create index webhook_events_webhook_kind on webhook_events_closed (webhook_id, state, event_name, id)
  where not (state = 'DELIVERED' and event_name = 'update');
create table webhook_events_closed_default partition of webhook_events_closed default;
create index on webhook_events_closed_default (created_at);

-- The event that each webhook was last given for an entity: publishing compares with it, and it outlives the event.
-- Written when an event is stored as delivered, and without a digest when it may have arrived all the same; cleared
-- away when its webhook is deleted.
create table webhook_given (
  webhook_id bigint not null references webhooks on delete cascade,
  entity_type text not null,
  entity_id bigint not null,
  webhook_event_id bigint not null,     -- may have been dropped
  event_name text not null,
  payload_digest bytea,
  primary key (webhook_id, entity_type, entity_id)
) with (fillfactor = 80);               -- room for updates in place: no index holds what changes

-- Entities whose stored bodies are to be erased, because they show data of a purged order. Workers do so by steps, and
-- once more when what was waiting has been sent (app/webhooks/db/runs/purges.py).
create table purged_entities (
  entity_type text not null,
  entity_id bigint not null,
  until timestamptz not null,           -- webhook events up to then may have been rendered before the purge
  after_id bigint not null default 0,   -- the webhook event that the next step begins after
  due_at timestamptz not null default now(),
  primary key (entity_type, entity_id)
);
create index purged_entities_due on purged_entities (due_at);

create function purge_order_bodies() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  insert into purged_entities (entity_type, entity_id, until)
  select p.type, p.id, now() + interval '1 minute' from (
    with i as (select id from invoices where order_id = new.id),
      r as (select id from refund_requests where invoice_id in (select id from i))
    select 'Order' as type, new.id
    union all select 'Invoice', id from i
    union all select 'Shipment', id from shipments where invoice_id in (select id from i)
    union all select 'InvoiceAnnotation', id from invoice_annotations where invoice_id in (select id from i)
    union all select 'RefundRequest', id from r
    union all select 'RefundRequestLineItem', id from refund_request_line_items
      where refund_request_id in (select id from r)
    union all select 'ReturnShipment', id from return_shipments where refund_request_id in (select id from r)
    union all select distinct 'RemittanceAdvice', remittance_advice_id from remittances
      where invoice_id in (select id from i) and remittance_advice_id is not null
  ) p
  on conflict (entity_type, entity_id) do update set until = excluded.until, after_id = 0, due_at = now();
  return null;
end $$;
create trigger orders_purged after update of purged_at on orders
  for each row when (new.purged_at is distinct from old.purged_at) execute function purge_order_bodies();

-- Attempts

-- One POST each, or one message that was taken. An attempt is written when it begins, and once more in place when it ends. The time of its beginning
-- stays, so open attempts need no partition of their own. webhook_event_id finds its event, as long as that is kept.
-- (Instead of a foreign key.)
create table delivery_attempts (
  id bigserial not null,
  webhook_id bigint not null,           -- its event's, which never changes: lists of attempts read no events
  webhook_event_id bigint not null,
  number integer not null,
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,              -- null: in flight, or its worker died: outcome unknown
  status integer,                       -- null: no status arrived
  error_kind text,
  error text,
  response_body bytea,                  -- the first 8 KiB at most
  duration_ms integer,
  api_key_id bigint,                    -- the key that took the message; null: it was POSTed
  api_key_name text,                    -- at that time
  address text,                         -- of the client that took it
  -- An index on the other columns would have to be written for each success, too.
  has_failed boolean not null generated always as (
    finished_at is not null and (status is null or status not between 200 and 299)) stored,
  primary key (webhook_event_id, number, started_at)
) partition by range (started_at);
-- For its global id.
create index delivery_attempts_id on delivery_attempts (id);
-- Without the id, by which attempts that began together are ordered: attempts of one claim share their time, and are
-- one entry then.
create index delivery_attempts_started on delivery_attempts (started_at);
create index delivery_attempts_by_webhook on delivery_attempts (webhook_id, started_at);
-- "What failed?", few of many. An attempt enters these when it ends, and only if it failed.
create index delivery_attempts_failed on delivery_attempts (webhook_id, started_at) where has_failed;
create index delivery_attempts_all_failed on delivery_attempts (started_at) where has_failed;
create table delivery_attempts_default partition of delivery_attempts default;

-- How many attempts ended in a minute, by the owner of their webhooks. Nothing is written for each of them: workers
-- count in memory and add their counts every few seconds. The minute comes first, because whole minutes are read and
-- deleted. seller_id 0: the operator.
create table delivery_minutes (
  minute timestamptz not null,
  seller_id bigint not null,
  succeeded bigint not null,
  failed bigint not null,
  primary key (minute, seller_id)
) with (fillfactor = 80);               -- room for updates in place: no index holds what changes

-- Missed changes

-- What disabled webhooks miss: one row for each changed entity, however many webhooks miss it. When one of them is
-- enabled again, workers send it the present state of those entities (workers/upkeep/catch_up.py).

-- Turns order what was missed, and tell before and after. Called once, so that last_value is a turn.
create sequence missed_changes_turn;
select setval('missed_changes_turn', 1);

create table missed_changes (
  entity_type text not null,
  entity_id bigint not null,
  shard smallint generated always as ((hashint8extended(entity_id, hashtext(entity_type)) & 63)::smallint) stored,
  turn bigint not null,                 -- of the last change
  created_turn bigint,                  -- of the last change that was a CREATE; null: of none
  updated_turn bigint,                  -- of the last change that was an UPDATE; null: of none
  former_seller_ids bigint[] not null default '{}', -- whose it was when it was deleted for good, or moved away
  left_turns bigint[] not null default '{}', -- the turns at which the first 50 of them lost it, in their order
  columns text[] not null,              -- as in change_events, of all the changes
  changes jsonb not null,               -- as in change_events: the first 50
  is_cut boolean not null,
  changed_at timestamptz not null,
  primary key (entity_id, entity_type)  -- the id first: look-ups by type are for the index below
);
-- Shard by shard: a worker keeps the publishers of one shard away, and no others, while it sends what was missed there.
create index missed_changes_turns on missed_changes (entity_type, shard, turn);

-- How far a webhook has caught up; from its first step until it has missed nothing any more. A table of its own,
-- because a step keeps its row locked while it renders, and whoever stores results or disables webhooks must not wait.
create table webhook_catch_ups (
  webhook_id bigint primary key references webhooks on delete cascade,
  enabled_turn bigint not null,         -- of the webhook when its shards were listed in `unfinished`
  positions bigint[] not null,          -- of each shard, from shard 0: up to which turn it has caught up
  unfinished smallint[] not null,       -- shards to be walked, the next one first
  advanced_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);

-- Audit

-- Who changed what, when, and from where: an entry for each mutation, in its transaction, and for each command that
-- changes something. Of webhooks also for each other change of their settings (functions/audit_webhook.sql).
create table audit_entries (
  id bigserial not null,
  recorded_at timestamptz not null default clock_timestamp(),
  actor text not null,                  -- operator, seller:7, command line, tellgraph; database: SQL by hand
  seller_id bigint,                     -- the seller that sees the entry; null: the operator alone
  api_key_id bigint,
  api_key_name text,                    -- at that time
  action text not null,                 -- the mutation, or the command
  entity_type text,
  entity_id bigint,
  fields text[] not null,               -- the fields of the input that were given
  changes jsonb not null,               -- of a webhook: {field, old, new}; of a secret the field alone
  address text,                         -- of the client
  request_id text,
  primary key (id, recorded_at)
) partition by range (recorded_at);
create index audit_entries_recorded on audit_entries (recorded_at);
create index audit_entries_action on audit_entries (action, recorded_at);
create index audit_entries_entity on audit_entries (entity_type, entity_id, recorded_at) where entity_id is not null;
create index audit_entries_key on audit_entries (api_key_id, recorded_at) where api_key_id is not null;
create index audit_entries_request on audit_entries (request_id) where request_id is not null;
-- With the action, because sellers see their own entries alone and also ask for one action.
create index audit_entries_seller on audit_entries (seller_id, recorded_at) where seller_id is not null;
create index audit_entries_seller_action on audit_entries (seller_id, action, recorded_at) where seller_id is not null;
create table audit_entries_default partition of audit_entries default;

-- Entries are only added. Retention drops whole partitions, and says so before it deletes what is left over.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_setting('tellgraph.retention', true) = 'on' then
    return old;
  end if;
  raise exception 'Audit entries are only added: % is refused.', tg_op using errcode = 'restrict_violation';
end $$;
create trigger audit_entries_kept before update or delete on audit_entries
  for each row execute function refuse_audit_change();
create trigger audit_entries_not_emptied before truncate on audit_entries
  for each statement execute function refuse_audit_change();

-- Partitions

-- A connection keeps a plan that was made for any webhook. Such a plan expects as many events as the average webhook
-- has. Where one webhook has nearly all events, that plan would read all of them in search of a small webhook's. So the
-- planner is told of many webhooks, and of all states and names, whatever a partition holds.
create function set_plan_statistics(partition text) returns void language plpgsql as $$
declare
  told record;
begin
  for told in
    select a.attname as name, d.number from pg_attribute a
    join (values ('webhook_id', 1000), ('state', 10), ('event_name', 4), ('kind', 4),
      ('seller_id', 1000), ('api_key_id', 1000), ('action', 50)) d(name, number)
      on d.name = a.attname
    where a.attrelid = partition::regclass
  loop
    execute format('alter table %I alter column %I set (n_distinct = %s)', partition, told.name, told.number);
  end loop;
end $$;

-- Adds the partition of [since, until) to a table of partitions by range. Attached, because that locks no more than the
-- default partition against readers; made in place it would lock the whole table.
create function add_partition(parent text, since date, until date) returns void language plpgsql as $$
declare
  partition text := parent || '_' || to_char(since, 'YYYYMMDD');
  -- A bare date would be midnight in the session's time zone.
  midnight text := case when parent = 'payloads' then '' else ' 00:00:00+00' end;
begin
  execute format('create table %I (like %I including all)', partition, parent);
  if parent in ('webhook_events_closed', 'delivery_attempts', 'audit_entries') then
    perform set_plan_statistics(partition);
  end if;
  if parent = 'delivery_attempts' then
    -- Each row is updated once, when its attempt ends. With room in its page, no index is written for that.
    execute format('alter table %I set (fillfactor = 45)', partition);
  end if;
  execute format('alter table %I attach partition %I for values from (%L) to (%L)',
    parent, partition, since || midnight, until || midnight);
end $$;

select set_plan_statistics(of_table) from unnest(array[
  'webhook_events_closed_default', 'delivery_attempts_default', 'audit_entries_default', 'operational_events']) of_table;
alter table webhook_events_open alter column webhook_id set (n_distinct = 1000);

-- Three partitions of three days for each history, until a worker makes the next ones.
select add_partition(history, today + since, today + since + 3)
from unnest('{change_events_published,payloads,webhook_events_closed,delivery_attempts,audit_entries}'::text[]) history
cross join unnest('{0,3,6}'::integer[]) since
cross join lateral (select (now() at time zone 'UTC')::date as today) of_utc;
