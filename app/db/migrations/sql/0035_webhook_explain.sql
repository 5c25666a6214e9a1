-- Why nothing came: how often changes were skipped, and what was recorded of one entity.

-- Changes that a webhook was not told of, because nothing that it watches changed. Nothing is written for each of them:
-- workers count in memory and add their counts every few seconds. The id puts the reasons into a lasting order.
create table webhook_skips (
  id bigint generated always as identity,
  webhook_id bigint not null references webhooks on delete cascade,
  reason text not null,
  skipped bigint not null,
  first_at timestamptz not null default clock_timestamp(),
  last_at timestamptz not null default clock_timestamp(),
  primary key (webhook_id, reason)
) with (fillfactor = 80);               -- room for updates in place: no index holds what changes

-- "What was recorded of this entity lately?" Without its type, which would make each entry a third larger: numbers are
-- shared by few types, and the reader looks at so many entries at most (app/capture/entity_changes.py). New partitions get
-- the index when they are attached.
create index change_events_of_entity on change_events_published (entity_id, id);
