-- The outbox: what changed, written by statement-level triggers in the writer's own transaction.
-- The trigger functions themselves are generated (app/capture/triggers.py), since they name every column.

create table change_events (
  id bigint generated always as identity primary key,
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
);
-- Shard first: dead entries of a shard share its leaf pages and are dropped before a split, so the claim
-- stays at a few buffers however long the history.
create index change_events_unpublished on change_events (shard, id) where published_at is null;
create index change_events_recorded on change_events (recorded_at);
alter table change_events set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000
);

-- When the workers were last rung, in ms: see tellgraph_ring. Not durable, since it need not be.
create unlogged sequence doorbell minvalue 0 start 0;
