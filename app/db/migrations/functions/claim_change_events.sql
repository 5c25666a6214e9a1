-- Claims the oldest unpublished events that no other publisher has, for the caller's transaction: shard by shard until
-- the batch is full, the shard with the oldest event first. An entity is always in the same shard, so its events are
-- handled by one publisher at a time.
-- Each lock comes before its read, in a statement of its own: read in the same statement, events that the lock's
-- previous holder has just published would still look unpublished (seen: 127 handled twice).
drop function if exists claim_change_events;
create function claim_change_events(batch_size integer)
returns table (id bigint, txid xid8, entity_type text, entity_id bigint, operation text, columns text[],
  changes jsonb, is_cut boolean, seller_id bigint, recorded_at timestamptz)
language plpgsql as $$
#variable_conflict use_column
declare
  waiting smallint[];
  wanted smallint;
  found integer;
  room integer := batch_size;
begin
  select array_agg(s.shard order by head.id) into waiting from generate_series(0, 63) s(shard)
  cross join lateral (
    select e.id from change_events_open e where e.shard = s.shard order by e.id limit 1
  ) head;
  foreach wanted in array coalesce(waiting, '{}') loop
    continue when not pg_try_advisory_xact_lock(7201, wanted);
    return query
      select e.id, e.txid, e.entity_type, e.entity_id, e.operation, e.columns, e.changes, e.is_cut, e.seller_id,
        e.recorded_at
      from change_events_open e where e.shard = wanted order by e.id limit room;
    get diagnostics found = row_count;
    room := room - found;
    exit when room <= 0;
  end loop;
end $$;
