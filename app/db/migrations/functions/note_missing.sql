-- Notes from which turn on a webhook misses changes, when it is disabled, and that it is enabled again: by whatever
-- program, SQL by hand, too. A publisher that finds the webhook disabled takes its turns after this one was committed,
-- and so later ones. A webhook that asks for every change misses none until it holds too many: see begin_missing in
-- app/capture/missed_changes.py. A deleted webhook catches up with nothing.
create or replace function note_missing() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if new.deleted_at is not null then
    new.missed_since := null;
  elsif new.is_enabled then
    new.enabled_turn := nextval('missed_changes_turn');
  elsif not new.every_change then
    new.missed_since := coalesce(new.missed_since, (select last_value from missed_changes_turn));
  end if;
  return new;
end $$;
create or replace trigger webhooks_missing_at_first before insert on webhooks for each row
  when (not new.is_enabled) execute function note_missing();
-- Not at what deliveries store: it sets none of these columns.
create or replace trigger webhooks_missing before update of is_enabled, every_change, deleted_at on webhooks for each row
  when (old.is_enabled <> new.is_enabled or old.every_change <> new.every_change
    or old.deleted_at is distinct from new.deleted_at)
  execute function note_missing();
