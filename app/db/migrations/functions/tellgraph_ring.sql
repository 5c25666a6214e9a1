-- Rings the workers, at most once in 20 ms: a NOTIFY in every transaction would serialise all commits.
-- The workers' poll carries the promise; a ring only makes it fast.
-- Where transactions may be prepared, nobody is notified: PREPARE TRANSACTION refuses what has run NOTIFY, and nothing
-- tells before whether it will come. The workers look more often there (workers/doorbell.py).
create or replace function tellgraph_ring() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  now_ms bigint := extract(epoch from clock_timestamp()) * 1000;
begin
  if now_ms - (select last_value from doorbell) not between 0 and 20 then
    perform setval('doorbell', now_ms);
    if current_setting('max_prepared_transactions') = '0' then perform pg_notify('tellgraph', ''); end if;
  end if;
end $$;
