-- The outbox: what changed, written by statement-level triggers in the writer's own transaction.
-- The trigger functions themselves are generated (app/db/capture.py), since they name every column.

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

-- Rings the workers, at most once in 20 ms: a NOTIFY in every transaction would serialise all commits.
-- The workers' poll carries the promise; a ring only makes it fast. Not durable, since it need not be.
create unlogged sequence doorbell minvalue 0 start 0;

create function tellgraph_ring() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  now_ms bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  if now_ms - (select last_value from doorbell) not between 0 and 20 then
    perform setval('doorbell', now_ms);
    perform pg_notify('tellgraph', '');
  end if;
end $$;

create function tellgraph_refuse_truncate() returns trigger language plpgsql as $$
begin
  raise exception 'TRUNCATE of % would go unrecorded: webhooks would never hear of it. Use DELETE.', tg_table_name
    using errcode = 'feature_not_supported';
end $$;

-- Claims the oldest unpublished events of one shard that no other publisher has, for the caller's transaction.
-- The lock comes before the read, in a statement of its own: read in the same statement, events that the
-- lock's previous holder has just published would still look unpublished (seen: 127 handled twice).
-- An entity is always in the same shard, so its events are handled by one publisher at a time.
create function claim_change_events(batch_size integer)
returns table (id bigint, txid xid8, entity_type text, entity_id bigint, operation text, columns text[],
  changes jsonb, is_cut boolean, seller_id bigint, recorded_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
  claimed smallint;
begin
  with waiting as materialized (
    select s.shard, head.id from generate_series(0, 63) s(shard)
    cross join lateral (
      select e.id from change_events e where e.shard = s.shard and e.published_at is null order by e.id limit 1
    ) head order by head.id
  )
  select w.shard into claimed from waiting w where pg_try_advisory_xact_lock(7201, w.shard) limit 1;
  if claimed is null then
    return;
  end if;
  return query
    select e.id, e.txid, e.entity_type, e.entity_id, e.operation, e.columns, e.changes, e.is_cut, e.seller_id,
      e.recorded_at
    from change_events e where e.shard = claimed and e.published_at is null order by e.id limit batch_size;
end $$;
