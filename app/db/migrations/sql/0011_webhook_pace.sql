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
