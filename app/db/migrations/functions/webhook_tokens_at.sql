-- A webhook's tokens at a time, at most one second's worth; never fewer than were left, should the clock go back.
drop function if exists webhook_tokens_at;
create function webhook_tokens_at(of_webhook_id bigint, rate integer, at timestamptz) returns double precision
stable language sql as $$
  select least(rate, coalesce(
    (select t.tokens + rate * greatest(extract(epoch from at - t.refilled_at)::double precision, 0)
     from webhook_tokens t where t.webhook_id = of_webhook_id),
    rate))
$$;
