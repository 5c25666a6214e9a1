-- Claims unpublished events that no other publisher has, for the caller's transaction: of one lane, beginning with
-- first_lane, shard by shard until the batch is full, the shard whose turn is oldest first. An entity is always in the
-- same shard, so its events are handled by one publisher at a time; all of them are claimed together, whichever lane
-- they wait in, so that they are published in their order.
-- Each lock comes before its read, in a statement of its own: read in the same statement, events that the lock's
-- previous holder has just published would still look unpublished (seen: 127 handled twice).
-- Lane 2, the heavy one, is worked on by one publisher at a time: there is always one for the others.
-- floors: for each lane, below which turn nothing waits (app/capture/floors.py). All that has ever waited there may still
-- be in the index, so nothing is looked for below, and every condition is one that the index can be searched by.
-- webhooks_since: whether a transaction from that one on has changed a webhook is told with each event, by the snapshot
-- that the event was read in. So who knows the webhooks up to there knows all that the event's transaction could know.
-- known_server: when the server was started that webhooks_since is of. Another one counts its own transactions.
drop function if exists claim_change_events;
create function claim_change_events(batch_size integer, first_lane integer default 0, floors bigint[] default '{0,0,0}',
  webhooks_since xid8 default '0', known_server timestamptz default null)
returns table (id bigint, txid xid8, entity_type text, entity_id bigint, operation text, columns text[],
  changes jsonb, is_cut boolean, seller_id bigint, recorded_at timestamptz, lane smallint, webhook_ids bigint[],
  claimed_lane smallint, has_new_webhooks boolean)
language plpgsql as $$
#variable_conflict use_column
declare
  tried smallint;
  waiting smallint[];
  wanted smallint;
  lowest bigint;
  found integer;
  is_found boolean := false;
  room integer;
  is_other_server boolean := known_server is distinct from pg_postmaster_start_time();
begin
  for place in 0..2 loop
    tried := (first_lane + place) % 3;
    -- What is heavy is done in small portions.
    room := case when tried = 2 then greatest(batch_size / 10, 1) else batch_size end;
    lowest := floors[tried + 1];
    -- Usually nothing waits in these. In the ordinary lane something usually does.
    continue when tried > 0
      and not exists (select from change_events_open e where e.lane = tried and coalesce(e.turn, e.id) >= lowest);
    continue when tried = 2 and not pg_try_advisory_xact_lock(7204, 0);
    select array_agg(s.shard order by head.turn) into waiting from generate_series(0, 63) s(shard)
    cross join lateral (
      select coalesce(e.turn, e.id) as turn from change_events_open e where e.lane = tried and e.shard = s.shard
        and coalesce(e.turn, e.id) >= lowest
      order by coalesce(e.turn, e.id), +e.id limit 1
    ) head;
    foreach wanted in array coalesce(waiting, '{}') loop
      continue when not pg_try_advisory_xact_lock(7201, wanted);
      if tried > 0
        or exists (select from change_events_open e where e.lane = 1 and e.shard = wanted
          and coalesce(e.turn, e.id) >= floors[2])
        or exists (select from change_events_open e where e.lane = 2 and e.shard = wanted
          and coalesce(e.turn, e.id) >= floors[3]) then
        return query
          select e.id, e.txid, e.entity_type, e.entity_id, e.operation, e.columns, e.changes, e.is_cut, e.seller_id,
            e.recorded_at, e.lane, e.webhook_ids, tried,
            is_other_server or exists (select from webhooks w where w.changed_xid >= webhooks_since)
          from (
            select distinct h.entity_type, h.entity_id from (
              select c.entity_type, c.entity_id from change_events_open c where c.lane = tried and c.shard = wanted
                and coalesce(c.turn, c.id) >= lowest
              order by coalesce(c.turn, c.id), +c.id limit room) h
          ) entity cross join lateral (
            -- The offset keeps this from becoming a join of the whole table.
            select c.* from change_events_open c
            where c.entity_type = entity.entity_type and c.entity_id = entity.entity_id and c.lane < 3 offset 0
          ) e order by e.id limit room;
      else
        return query
          select e.id, e.txid, e.entity_type, e.entity_id, e.operation, e.columns, e.changes, e.is_cut, e.seller_id,
            e.recorded_at, e.lane, e.webhook_ids, tried,
            is_other_server or exists (select from webhooks w where w.changed_xid >= webhooks_since)
          from change_events_open e where e.lane = 0 and e.shard = wanted
            and coalesce(e.turn, e.id) >= lowest
          order by coalesce(e.turn, e.id), +e.id limit room;
      end if;
      get diagnostics found = row_count;
      room := room - found;
      is_found := is_found or found > 0;
      exit when room <= 0;
    end loop;
    exit when is_found;
  end loop;
end $$;
