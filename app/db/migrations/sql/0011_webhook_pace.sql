-- How fast a webhook is sent to: a limit of its own, and a pause when its endpoint asks for one.

alter table webhooks
  add column rate_limit integer check (rate_limit between 1 and 1000),  -- POSTs per second; null: no limit
  add column paused_until timestamptz;        -- the endpoint asked for a pause (429, Retry-After): nothing is claimed

-- A token is a POST that may be begun. A table of its own, because only the claim writes it, under its lock: a claim
-- that wrote to webhooks after webhook_events would deadlock with whoever disables a webhook, in the other order.
-- No row: the bucket is full.
create table webhook_tokens (
  webhook_id bigint primary key references webhooks on delete cascade,
  tokens double precision not null,
  refilled_at timestamptz not null
) with (fillfactor = 50);

-- A webhook's tokens at a time, at most one second's worth; never fewer than were left, should the clock go back.
create function webhook_tokens_at(of_webhook_id bigint, rate integer, at timestamptz) returns double precision
stable language sql as $$
  select least(rate, coalesce(
    (select t.tokens + rate * greatest(extract(epoch from at - t.refilled_at)::double precision, 0)
     from webhook_tokens t where t.webhook_id = of_webhook_id),
    rate))
$$;

-- As before, and: a webhook gets no more places than it has whole tokens, and none while it is paused.
create or replace function claim_webhook_events(
  batch_size integer, per_webhook integer, after_webhook_id bigint, failing_share integer, lease_s double precision
) returns table (id bigint, webhook_id bigint, entity_type text, entity_id bigint, event_name text, attempt integer,
  changed jsonb, changed_at timestamptz, first_attempted_at timestamptz, body bytea, url text, headers bytea,
  secrets bytea, timeout_s integer, max_retries integer, type text, attempts_before integer)
language plpgsql as $$
#variable_conflict use_column
declare
  claimed_at timestamptz;
begin
  perform pg_advisory_xact_lock(7202, 0);
  -- In a variable, because no index can be searched by a volatile function: a dead endpoint's events that wait for
  -- their retry would all be read, each time. After the lock, or events that fell due meanwhile would be missed.
  claimed_at := clock_timestamp();
  return query
  with recursive walk as (
    (select e.webhook_id, 1 as n from webhook_events e
     where e.state in ('PENDING', 'RETRYING') and e.webhook_id > after_webhook_id order by e.webhook_id limit 1)
    union all
    select (select e.webhook_id from webhook_events e
            where e.state in ('PENDING', 'RETRYING') and e.webhook_id > walk.webhook_id
            order by e.webhook_id limit 1), walk.n + 1
    from walk where walk.webhook_id is not null and walk.n < 10000
  ), picked as materialized (
    select p.id from walk cross join lateral (
      -- The offset keeps this from becoming a join of the whole table.
      select least(
        (case when w.is_failing then least(w.concurrent_send_limit, failing_share) else w.concurrent_send_limit end)
          - (select count(*) from webhook_events f where f.webhook_id = w.id and f.state = 'SENDING'),
        per_webhook,
        -- Without a limit it is null, and doesn't count; the tokens are not even looked up.
        case when w.rate_limit is not null then floor(webhook_tokens_at(w.id, w.rate_limit, claimed_at))::integer end
        ) as free
      from webhooks w where w.id = walk.webhook_id and w.is_enabled
        and (w.paused_until is null or w.paused_until <= claimed_at) offset 0
    ) places cross join lateral (
      select e.id from webhook_events e
      where e.webhook_id = walk.webhook_id and e.state in ('PENDING', 'RETRYING') and e.due_at <= claimed_at
        -- Not only SENDING ones: a newer event must not overtake an older one that waits for its retry.
        -- A test stands outside of the order: it must neither wait for a failing event nor hold one up.
        and (e.event_name = 'test' or not exists (
          select from webhook_events o where o.webhook_id = e.webhook_id and o.entity_type = e.entity_type
            and o.entity_id = e.entity_id and o.id < e.id and o.state in ('PENDING', 'RETRYING', 'SENDING', 'HELD')
            and o.event_name <> 'test'))
        -- Only what is replayed can be due while a newer event of the entity is in flight.
        and (e.replayed_at is null or not exists (
          select from webhook_events o where o.webhook_id = e.webhook_id and o.entity_type = e.entity_type
            and o.entity_id = e.entity_id and o.state = 'SENDING' and o.event_name <> 'test'))
      order by e.due_at, e.id limit greatest(places.free, 0)
    ) p limit batch_size
  ), claimed as (
    update webhook_events e set state = 'SENDING', attempt_count = e.attempt_count + 1,
      -- Longer than the POST may take, with 2 s to record it: expired while it is in flight, it would be sent twice.
      lease_until = claimed_at + make_interval(secs => greatest(lease_s, w.timeout_s + 2)),
      first_attempted_at = coalesce(e.first_attempted_at, claimed_at)
    from picked, webhooks w
    where e.id = picked.id and w.id = e.webhook_id and e.state in ('PENDING', 'RETRYING')
    returning e.*
  ), attempts as (
    insert into delivery_attempts (webhook_event_id, number) select c.id, c.attempt_count from claimed c
  ), spent as (
    insert into webhook_tokens as t (webhook_id, tokens, refilled_at)
    select w.id, webhook_tokens_at(w.id, w.rate_limit, claimed_at) - count(*), claimed_at
    from claimed c join webhooks w on w.id = c.webhook_id where w.rate_limit is not null group by w.id
    on conflict on constraint webhook_tokens_pkey
      do update set tokens = excluded.tokens, refilled_at = excluded.refilled_at
  )
  select c.id, c.webhook_id, c.entity_type, c.entity_id, c.event_name, c.attempt_count, c.changed, c.changed_at,
    c.first_attempted_at, p.body, w.url, w.headers, w.secrets, w.timeout_s,
    case when c.event_name = 'test' then 0 else w.max_retries end, w.type, c.attempts_before
  from claimed c join webhooks w on w.id = c.webhook_id join payloads p on p.digest = c.payload_digest
  order by c.id;
end $$;
