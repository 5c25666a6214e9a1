-- Waits for the publishers of these entities, and keeps them away until the transaction ends. In the order of the
-- shards: two that lock several must not wait in a circle.
drop function if exists lock_entities;
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
