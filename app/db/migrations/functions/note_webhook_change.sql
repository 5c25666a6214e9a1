-- Notes the transaction that changes what publishing goes by. Not what delivery writes: its updates stay in place, and
-- no worker reads a webhook anew for them.
create or replace function note_webhook_change() returns trigger language plpgsql as $$
begin
  new.changed_xid := pg_current_xact_id();
  return new;
end $$;
create or replace trigger webhooks_changed before update on webhooks for each row
  when ((old.seller_id, old.type, old.event_names, old.query_string, old.is_enabled, old.allow_skip, old.every_change,
      old.include_previous, old.triggers, old.filter, old.deleted_at, old.missed_since)
    is distinct from (new.seller_id, new.type, new.event_names, new.query_string, new.is_enabled, new.allow_skip,
      new.every_change, new.include_previous, new.triggers, new.filter, new.deleted_at, new.missed_since))
  execute function note_webhook_change();
