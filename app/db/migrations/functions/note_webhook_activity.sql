-- Tells the API's processes which webhook events have changed, while one of them has watchers (the subscription
-- webhookActivity). Until when they watch, in seconds, is in the sequence webhook_activity_watched: reading it costs
-- microseconds, and shows what others have set at once. While nobody watches, the triggers' condition ends them.
-- Statement triggers, because a condition for each row would cost as much as its update. They are there twice: those of
-- a partitioned table don't fire for statements that name its partition.
create or replace function note_webhook_activity() returns trigger
language plpgsql as $$
begin
  -- A payload has less than 8,000 bytes, and a bigint at most 20 characters: of one webhook, 300 events.
  perform pg_notify('tellgraph_activity', concat_ws(' ', coalesce(w.seller_id, 0), w.id, string_agg(c.id::text, ' ' order by c.id)))
  from (select webhook_id, id, (row_number() over (partition by webhook_id order by id) - 1) / 300 as part from changed) c
  join webhooks w on w.id = c.webhook_id group by w.id, c.part order by w.id, c.part;
  return null;
end $$;
do $$ declare
  change record;
begin
  for change in select * from (values ('insert', 'webhook_events'), ('update', 'webhook_events'),
    ('update', 'webhook_events_open')) as c(kind, place) loop
    execute format('create or replace trigger activity_%1$s after %1$s on %2$s referencing new table as changed
      for each statement when (
        pg_sequence_last_value(''webhook_activity_watched'') > extract(epoch from statement_timestamp()))
      execute function note_webhook_activity()', change.kind, change.place);
  end loop;
end $$;
