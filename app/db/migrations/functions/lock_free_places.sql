-- Locks webhooks for the caller's transaction, as a claim does, and returns how many events each may be sent at once: none
-- of those that other claims hold, that have events due, or for whose next event a claim has more to decide.
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
    select c.webhook_id, pg_try_advisory_xact_lock(7202, (c.webhook_id & 2147483647)::integer) as is_locked
    from unnest((select webhook_ids)) c(webhook_id)) l;
  locked_at := clock_timestamp();
  return query
    select l.webhook_id, places.free from unnest((select locked)) l(webhook_id)
    -- A webhook that fails gets its share by claims.
    cross join lateral webhook_places(l.webhook_id, per_webhook, 0, false, locked_at) places
    cross join lateral (select w.is_pulled, w.rate_limit from webhooks w where w.id = l.webhook_id offset 0) w
    where places.free > 0 and not places.include_previous and not w.is_pulled and w.rate_limit is null
      and not exists (
        select from webhook_events_open e where e.is_pulled = w.is_pulled and +e.webhook_id = l.webhook_id
          and e.state in ('PENDING', 'RETRYING') and e.due_at <= locked_at);
end $$;
