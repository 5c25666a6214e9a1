-- Notes since when a webhook is disabled or broken, and who disabled it, for whatever program changes it. The column
-- health of the table follows from them.
create or replace function note_health() returns trigger
language plpgsql as $$
declare
  actor text := coalesce(current_setting('tellgraph.actor', true), '');
begin
  if new.is_enabled then
    new.disabled_at := null;
    new.disabled_by := null;
  elsif new.disabled_at is null then
    new.disabled_at := clock_timestamp();
    new.disabled_by := case when new.disabled_reason is not null then 'tellgraph'
      when actor in ('operator', 'command line') then 'operator'
      when actor like 'seller:%' then 'seller' else 'hand' end;
  end if;
  new.broken_at := case when new.broken_reason is not null then coalesce(new.broken_at, clock_timestamp()) end;
  return new;
end $$;
create or replace trigger webhooks_health_at_first before insert on webhooks for each row
  when (not new.is_enabled or new.broken_reason is not null) execute function note_health();
-- Not at what deliveries store: it sets none of these columns.
create or replace trigger webhooks_health before update of is_enabled, broken_reason on webhooks for each row
  when (old.is_enabled <> new.is_enabled or old.broken_reason is distinct from new.broken_reason)
  execute function note_health();
