-- Whoever disables a webhook raises DISABLED, by SQL, too; and the success that ends an outage raises RECOVERED. A
-- trigger, so that storing results touches no other table as long as nothing of the kind happens.
-- Not of webhooks about operational events: they would report on themselves, endlessly.
create or replace function raise_operational_event() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if old.is_enabled and not new.is_enabled then
    insert into operational_events (webhook_id, kind, reason) values (new.id, 'DISABLED', coalesce(new.disabled_reason,
      case new.disabled_by when 'operator' then 'Disabled by the operator.'
        when 'seller' then 'Disabled by the seller.' else 'Disabled by hand.' end));
  else
    insert into operational_events (webhook_id, kind, reason)
    values (new.id, 'RECOVERED', 'A delivery has succeeded again.');
  end if;
  return null;
end $$;
create or replace trigger webhooks_operational after update of is_enabled, outage_reported_at on webhooks for each row
  when (new.type <> 'OPERATIONAL_EVENT' and new.deleted_at is null and (old.is_enabled and not new.is_enabled
    or old.outage_reported_at is not null and new.outage_reported_at is null and new.is_enabled))
  execute function raise_operational_event();
