-- Locks webhooks for the caller's transaction, as a claim does, and returns how many events each may be sent at once. Those
-- that other claims hold and those that have events due are left out. So are those for whose events a claim has more to
-- decide, and these are not locked either.
-- The arrays are in SELECTs, so that their lengths are no reason to plan anew each time.
-- Two statements: counted in one with the lock, the previous holder's claim would not be seen.
drop function if exists lock_free_places;
create function lock_free_places(webhook_ids bigint[], per_webhook integer)
returns table (webhook_id bigint, free integer)
language plpgsql as $$
#variable_conflict use_column
declare
  locked bigint[];
  locked_at timestamptz;
begin
  select array_agg(l.webhook_id order by l.webhook_id) filter (where l.is_locked) into locked from (
    select c.webhook_id, pg_try_advisory_xact_lock(7202, (c.webhook_id & 2147483647)::integer) as is_locked from (
      select g.webhook_id from unnest((select webhook_ids)) g(webhook_id)
      cross join lateral (select w.* from webhooks w where w.id = g.webhook_id offset 0) w
      -- A webhook that fails gets its share by claims, and who takes messages waits for nobody's publishing.
      where w.is_enabled and not w.is_failing and not w.is_pulled and not w.include_previous and w.rate_limit is null
      offset 0) c) l;
  locked_at := clock_timestamp();
  return query
    select l.webhook_id, places.free from unnest((select locked)) l(webhook_id)
    cross join lateral webhook_places(l.webhook_id, per_webhook, 0, false, locked_at) places
    where places.free > 0 and not places.include_previous and not exists (
      select from webhook_events_open e where e.is_pulled = (select false) and +e.webhook_id = l.webhook_id
        and e.state in ('PENDING', 'RETRYING') and e.due_at <= locked_at
      -- Keeps this from becoming a join with all that is due, which would be read at each look.
      offset 0);
end $$;
