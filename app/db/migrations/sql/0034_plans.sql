-- Lists of the history cost the same whatever else is in it.

-- A plan that a connection keeps is made for any webhook, and thinks of as many events as the average one has. Where one
-- webhook has nearly all, it would go through all of them in search of a small one's. So the planner is told of many
-- webhooks, and of all states and names, whatever a partition holds.
create function set_plan_statistics(partition text) returns void language plpgsql as $$
declare
  told record;
begin
  for told in
    select a.attname as name, d.number from pg_attribute a
    join (values ('webhook_id', 1000), ('state', 10), ('event_name', 4), ('kind', 4)) d(name, number)
      on d.name = a.attname
    where a.attrelid = partition::regclass
  loop
    execute format('alter table %I alter column %I set (n_distinct = %s)', partition, told.name, told.number);
  end loop;
end $$;

create or replace function add_partition(parent text, since date, until date) returns void language plpgsql as $$
declare
  partition text := parent || '_' || to_char(since, 'YYYYMMDD');
  -- A bare date would be midnight in the session's time zone.
  midnight text := case when parent = 'payloads' then '' else ' 00:00:00+00' end;
begin
  execute format('create table %I (like %I including all)', partition, parent);
  if parent in ('webhook_events_closed', 'delivery_attempts') then
    perform set_plan_statistics(partition);
  end if;
  execute format('alter table %I attach partition %I for values from (%L) to (%L)',
    parent, partition, since || midnight, until || midnight);
end $$;

select set_plan_statistics(c.relname) from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent in ('webhook_events_closed'::regclass, 'delivery_attempts'::regclass);
select set_plan_statistics('operational_events');
alter table webhook_events_open alter column webhook_id set (n_distinct = 1000);

-- Each state and name by itself, of one webhook and of all. Updates that were delivered are most of a history, and are
-- in none of these: so they cost a delivery nothing.
create index webhook_events_of_kind on webhook_events_closed (state, event_name, id)
  where not (state = 'DELIVERED' and event_name = 'update');
create index webhook_events_webhook_kind on webhook_events_closed (webhook_id, state, event_name, id)
  where not (state = 'DELIVERED' and event_name = 'update');
drop index webhook_events_failed, webhook_events_all_failed, webhook_events_failed_state, webhook_events_all_failed_state;

create index operational_events_of_kind on operational_events (kind, id);
create index operational_events_webhook_kind on operational_events (webhook_id, kind, id);
