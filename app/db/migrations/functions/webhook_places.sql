-- How many more events of a webhook may be claimed at a time; no row for one that may not be claimed from at all.
-- An event whose lease is over is not in flight any more. What was in flight stays in the index for as long as a snapshot
-- may see it, and by the lease most of that is passed over.
-- only_idle: only if it is not failing and has nothing in flight. The offset keeps this from becoming a join of all
-- webhooks.
drop function if exists webhook_places;
create function webhook_places(
  of_webhook_id bigint, per_webhook integer, failing_share integer, only_idle boolean, at timestamptz
) returns table (free integer, include_previous boolean)
stable language sql as $$
  select least(
    (case when w.is_failing then least(w.concurrent_send_limit, failing_share) else w.concurrent_send_limit end)
      - sending.number,
    per_webhook,
    -- Without a limit it is null, and doesn't count; the tokens are not even looked up.
    case when w.rate_limit is not null then floor(webhook_tokens_at(w.id, w.rate_limit, at))::integer end
    )::integer, w.include_previous
  from webhooks w cross join lateral (
    select count(*) as number from webhook_events_open f
    where +f.webhook_id = w.id and f.state = 'SENDING' and f.lease_until > at
  ) sending where w.id = of_webhook_id and w.is_enabled and (w.paused_until is null or w.paused_until <= at)
    and (not only_idle or not w.is_failing and sending.number = 0) offset 0
$$;
