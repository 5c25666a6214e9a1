-- Tells whoever waits for messages of a webhook (PULL) that there may be one: an event has become due, or has left the
-- queue, so that the next one of its entity may be taken. PostgreSQL folds equal notifications of a transaction.
create or replace function tell_takers() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform pg_notify('tellgraph_messages', coalesce(new.webhook_id, old.webhook_id)::text);
  return null;
end $$;
-- The conditions cost events that are POSTed next to nothing: no trigger is queued for them.
create or replace trigger webhook_events_open_added after insert on webhook_events_open
  for each row when (new.is_pulled) execute function tell_takers();
create or replace trigger webhook_events_open_moved after update of state, due_at on webhook_events_open
  for each row when (new.is_pulled and new.state <> 'SENDING') execute function tell_takers();
create or replace trigger webhook_events_open_left after delete on webhook_events_open
  for each row when (old.is_pulled) execute function tell_takers();
