-- Rings the workers, at most once in 20 ms: a NOTIFY in every transaction would serialise all commits.
-- The workers' poll carries the promise; a ring only makes it fast.
create or replace function tellgraph_ring() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  now_ms bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  if now_ms - (select last_value from doorbell) not between 0 and 20 then
    perform setval('doorbell', now_ms);
    perform pg_notify('tellgraph', '');
  end if;
end $$;
