-- Claims due webhook events for one worker: marks them SENDING under a lease and writes their attempts.
-- A rotating walk over the webhooks that have due events, each with its own number of places, so that one dead
-- endpoint's backlog never fills a claim. A webhook gets no more places than it has whole tokens, and none while it is
-- paused.
-- Each webhook that is claimed from is locked, in a statement of its own that comes before: counted in one statement
-- with the claim, two overlapping claims would each see the other's places as free. A claim locks as many webhooks as
-- are likely to fill it, one for each event at most, since PostgreSQL has room for some hundred locks per connection.
-- It leaves out those that other claims hold. Where only those are left, it waits for one.
-- Every step is lateral to the one before: a full batch ends the walk, and rows come in the walk's order.
-- The payload that reaches max_bytes is the last one of a claim. only_idle: of webhooks alone that are not failing and
-- have nothing in flight.
-- With pull_webhook_id, events of that webhook alone, whose receivers ask for them: whoever takes them is noted with each
-- attempt. Without, of all webhooks that are POSTed to.
-- previous: what the body has as `previous`; empty: null there; null: the body has none. An event's first claim decides
-- it, because nothing else of the entity is in flight then. Later claims give the same, whatever the webhook then asks.
-- next_after: after which webhook the next claim has to begin, because webhooks were left out; null: none were.
drop function if exists claim_webhook_events;
create function claim_webhook_events(
  batch_size integer, per_webhook integer, after_webhook_id bigint, failing_share integer, lease_s double precision,
  max_bytes bigint default null, only_idle boolean default false, pull_webhook_id bigint default null,
  taker_key_id bigint default null, taker_key_name text default null, taker_address text default null
) returns table (id bigint, webhook_id bigint, entity_type text, entity_id bigint, event_name text, attempt integer,
  changed jsonb, changed_at timestamptz, first_attempted_at timestamptz, body bytea, url text, headers bytea,
  secrets bytea, timeout_s integer, max_retries integer, type text, attempts_before integer, seller_id bigint,
  lease_until timestamptz, previous bytea, next_after bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  -- So many due events are looked at for their webhooks; when there are more, the webhooks are walked over instead.
  few constant integer := 500;
  -- So many events are wanted of the webhooks that are chosen next.
  wanted integer;
  claimed_at timestamptz;
  due bigint[];
  walked_to bigint;
  chosen bigint[];
  is_more boolean;
  locked bigint[];
  left_out bigint;
  awaited bigint;
begin
  loop
    begin
      -- The first lock is the only one that is waited for, so that no two claims wait for each other.
      if awaited is not null then
        perform pg_advisory_xact_lock(7202, (awaited & 2147483647)::integer);
      end if;
      -- In a variable, because no index can be searched by a volatile function: a dead endpoint's events that wait for
      -- their retry would all be read, each time.
      claimed_at := clock_timestamp();
      if pull_webhook_id is null then
        select array_agg(d.webhook_id) into due from (
          select e.webhook_id from webhook_events_open e
          where e.state in ('PENDING', 'RETRYING') and not e.is_pulled and e.due_at <= claimed_at
          order by e.due_at limit few) d;
      elsif exists (select from webhook_events_open e where e.state in ('PENDING', 'RETRYING') and e.is_pulled
          and +e.webhook_id = pull_webhook_id and e.due_at <= claimed_at) then
        due := array[pull_webhook_id];
      end if;
      walked_to := after_webhook_id;
      awaited := null;
      is_more := due is not null;
      wanted := batch_size;
      while is_more loop
        if cardinality(due) < few then
          select array_agg(d.webhook_id order by d.webhook_id) filter (where d.before < wanted),
            coalesce(max(d.before) >= wanted, false)
          into chosen, is_more from (
            select g.webhook_id, sum(g.number) over (order by g.webhook_id) - g.number as before from (
              select a.webhook_id, least(count(*), per_webhook) as number from unnest(due) a(webhook_id)
              where a.webhook_id > walked_to group by 1) g) d;
          walked_to := chosen[cardinality(chosen)];
        else
          with recursive walk as (
            select walked_to as webhook_id, 0::bigint as number, 0::bigint as total
            union all
            -- One look-up per webhook, and no more for those whose events all wait for a later retry.
            select next.webhook_id, claimable.number, walk.total + claimable.number
            from walk cross join lateral (
              select e.webhook_id, e.due_at from webhook_events_open e
              where e.state in ('PENDING', 'RETRYING') and e.is_pulled = (select pull_webhook_id is not null)
                and +e.webhook_id > walk.webhook_id
              order by +e.webhook_id, e.due_at limit 1
            ) next cross join lateral (
              -- What others hold in their claims is not known yet, so this only chooses.
              select count(*) as number from (
                select from webhook_places(next.webhook_id, per_webhook, failing_share, only_idle, claimed_at) places
                cross join lateral (
                  select from webhook_events_open e
                  -- In a SELECT, and not as `not e.is_pulled`, which would also fit the index of all that is due.
                  where e.state in ('PENDING', 'RETRYING') and e.is_pulled = (select pull_webhook_id is not null)
                    and +e.webhook_id = next.webhook_id and e.due_at <= claimed_at
                  limit greatest(places.free, 0)) e
                where next.due_at <= claimed_at) found
            ) claimable where walk.total < wanted
          )
          select array_agg(walk.webhook_id order by walk.webhook_id) filter (where walk.number > 0), max(walk.webhook_id),
            max(walk.total) >= wanted into chosen, walked_to, is_more from walk;
        end if;
        exit when chosen is null;
        select array_agg(l.webhook_id order by l.webhook_id) filter (where l.is_locked),
          min(l.webhook_id) filter (where not l.is_locked)
        into locked, left_out from (
          -- Two webhooks whose ids end alike share a lock, which only keeps them from being claimed at once.
          select c.webhook_id, pg_try_advisory_xact_lock(7202, (c.webhook_id & 2147483647)::integer) as is_locked
          from unnest(chosen) c(webhook_id)) l;
        awaited := coalesce(awaited, left_out);
        -- After the locks: tokens that another claim has spent were counted until then.
        claimed_at := clock_timestamp();
        return query
        with due_next as (
          -- Empty where the payload is gone: what is due and never handed over would be looked at again and again.
          select p.id, case when previous.is_gone then '' else coalesce(payload.body, '') end as body,
            previous.digest as previous_digest, previous.body as previous
          from unnest(locked) l(webhook_id)
          cross join lateral webhook_places(l.webhook_id, per_webhook, failing_share, only_idle, claimed_at) places
          cross join lateral (
            select e.id, e.entity_type, e.entity_id, e.event_name, e.attempt_count, e.payload_digest, e.previous_digest,
              (e.created_at at time zone 'UTC')::date as day
            from webhook_events_open e
            where e.is_pulled = (select pull_webhook_id is not null) and +e.webhook_id = l.webhook_id
              and e.state in ('PENDING', 'RETRYING') and e.due_at <= claimed_at
              -- Not only SENDING ones: a newer event must not overtake an older one that waits for its retry.
              -- A test stands outside of the order: it must neither wait for a failing event nor hold one up.
              and (e.event_name = 'test' or not exists (
                select from webhook_events_open o where +o.entity_id = e.entity_id and o.entity_type = e.entity_type
                  and 0 + o.webhook_id = e.webhook_id and +o.id < e.id and o.event_name <> 'test'))
              -- Only what is replayed can be due while a newer event of the entity is in flight.
              and (e.replayed_at is null or not exists (
                select from webhook_events_open o where +o.entity_id = e.entity_id and o.entity_type = e.entity_type
                  and 0 + o.webhook_id = e.webhook_id and o.state || '' = 'SENDING' and o.event_name <> 'test'))
            order by e.due_at, +e.id limit greatest(places.free, 0)
            -- Whoever supersedes or cancels some of them has locked them, and may wait for others: no turns are taken.
            for no key update of e skip locked
          ) p left join lateral (
            select b.body from payloads b where b.digest = p.payload_digest and b.day = p.day limit 1
          ) payload on true left join lateral (
            select case when kept.body is null then '' else confirmed.digest end as digest,
              coalesce(kept.body, '') as body,
              -- Deleted by hand, like a payload that is gone: no later attempt may have other bytes.
              p.attempt_count > 0 and confirmed.digest <> '' and kept.body is null as is_gone
            from (
              select case when p.attempt_count > 0 then p.previous_digest else (
                select g.payload_digest from webhook_given g
                where g.webhook_id = l.webhook_id and g.entity_type = p.entity_type and g.entity_id = p.entity_id
                  and g.webhook_event_id < p.id and g.event_name <> 'destroy' and p.event_name in ('update', 'destroy')
              ) end as digest offset 0
            ) confirmed left join lateral (
              -- Publishing has copied it into this day.
              select b.body from payloads b where b.digest = confirmed.digest and b.day = p.day limit 1
            ) kept on true
            -- The offset keeps this a condition that comes first: what is not asked for costs nothing.
            where case when p.attempt_count > 0 then p.previous_digest is not null else places.include_previous end
            offset 0
          ) previous on true limit batch_size
        ), picked as materialized (
          select s.id, s.body, s.previous_digest, s.previous from (
            select d.*, sum(octet_length(d.body) + coalesce(octet_length(d.previous), 0))
              over (rows between unbounded preceding and 1 preceding) as bytes_before from due_next d
          ) s where max_bytes is null or s.bytes_before is null or s.bytes_before < max_bytes
        ), claimed as (
          update webhook_events_open e set state = 'SENDING', attempt_count = e.attempt_count + 1,
            -- Longer than the POST may take, with 2 s to record it: expired while it is in flight, it would be sent twice.
            lease_until = claimed_at + make_interval(secs => greatest(lease_s,
              (select w.timeout_s + 2 from webhooks w where w.id = e.webhook_id and not w.is_pulled))),
            -- Not claimed_at: an attempt that ended since then may be what this one has waited for, and it would seem to
            -- begin before that. Nor the same for all: an attempt is then found by its time alone, which a plan may do
            -- that was made while there were none.
            attempted_at = clock_timestamp(),
            first_attempted_at = coalesce(e.first_attempted_at, claimed_at),
            -- By the event's key and not by a join. In a SELECT, the object is made once and not for each event.
            previous_digest = case when e.attempt_count > 0 then e.previous_digest else decode((
              select jsonb_object_agg(picked.id, encode(picked.previous_digest, 'hex')) from picked
              where picked.previous_digest is not null) ->> e.id::text, 'hex') end
          where 0 + e.id = any(array(select picked.id from picked)) and e.state || '' in ('PENDING', 'RETRYING')
          returning e.*
        ), attempts as (
          insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, api_key_id, api_key_name,
            address)
          select c.webhook_id, c.id, c.attempt_count, c.attempted_at, taker_key_id, taker_key_name, taker_address
          from claimed c
        ), spent as (
          insert into webhook_tokens as t (webhook_id, tokens, refilled_at)
          select c.webhook_id, webhook_tokens_at(c.webhook_id, w.rate_limit, claimed_at) - c.number, claimed_at
          from (select webhook_id, count(*) as number from claimed group by 1) c
          cross join lateral (select w.rate_limit from webhooks w where w.id = c.webhook_id offset 0) w
          where w.rate_limit is not null
          on conflict on constraint webhook_tokens_pkey
            do update set tokens = excluded.tokens, refilled_at = excluded.refilled_at
        )
        select c.id, c.webhook_id, c.entity_type, c.entity_id, c.event_name, c.attempt_count, c.changed, c.changed_at,
          c.first_attempted_at, picked.body, w.url, w.headers, w.secrets, w.timeout_s,
          case when c.event_name = 'test' then 0 else w.max_retries end, w.type, c.attempts_before,
          w.seller_id, c.lease_until, picked.previous, case when is_more then walked_to else awaited - 1 end
        from claimed c join picked on picked.id = c.id and equals_at_cost(picked.id, c.id)
        cross join lateral (select w.* from webhooks w where w.id = c.webhook_id offset 0) w
        order by c.id;
        if found then
          return;
        end if;
        -- Many webhooks may have due events and no place for them. A claim of one event must not try them one by one.
        if locked is not null then
          wanted := least(4 * wanted, few);
        end if;
      end loop;
      if awaited is null then
        return;
      end if;
      -- This gives the locks back, before one is waited for.
      raise exception 'webhook % is held by another claim', awaited using errcode = 'TG001';
    exception
      when serialization_failure then
        -- An event was superseded or cancelled, and so moved, since it was picked. Look again.
        null;
      when sqlstate 'TG001' then
        null;
    end;
  end loop;
end $$;
