-- What disabled webhooks miss: one row for each changed entity, however many webhooks miss it. When one of them is
-- enabled again, workers send it the present state of those entities (workers/upkeep/catch_up.py).

-- Turns order what was missed, and tell before and after. It has been called, so that last_value is a turn.
create sequence missed_changes_turn;
select setval('missed_changes_turn', 1);

create table missed_changes (
  entity_type text not null,
  entity_id bigint not null,
  shard smallint generated always as ((hashint8extended(entity_id, hashtext(entity_type)) & 63)::smallint) stored,
  turn bigint not null,                 -- of the last change
  created_turn bigint,                  -- of the last change that was a CREATE; null: of none
  updated_turn bigint,                  -- of the last change that was an UPDATE; null: of none
  former_seller_ids bigint[] not null default '{}', -- whose it was when it was deleted for good, or moved away
  columns text[] not null,              -- as in change_events, of all the changes
  changes jsonb not null,               -- as in change_events: the first 50
  is_cut boolean not null,
  changed_at timestamptz not null,
  primary key (entity_type, entity_id)
);
-- Shard by shard: a worker keeps the publishers of one shard away, and no others, while it sends what was missed there.
create index missed_changes_turns on missed_changes (entity_type, shard, turn);

-- A trigger sets both, for whoever disables and enables webhooks: migrations/functions/note_missing.sql.
alter table webhooks
  add column missed_since bigint,       -- it has missed changes after this turn; null: none
  add column enabled_turn bigint;       -- another one each time it is enabled
-- Those that have to catch up; and all for which something is kept.
create index webhooks_behind on webhooks (id) where is_enabled and missed_since is not null;
create index webhooks_missing on webhooks (type, id) where missed_since is not null;
update webhooks set missed_since = 1 where not is_enabled and not every_change and deleted_at is null;

-- How far a webhook has caught up; from its first step until it has missed nothing any more. A table of its own, because
-- a step keeps its row locked while it renders, and whoever stores results or disables webhooks waits for none.
create table webhook_catch_ups (
  webhook_id bigint primary key references webhooks on delete cascade,
  enabled_turn bigint not null,         -- of the webhook when its shards were listed in `unfinished`
  positions bigint[] not null,          -- of each shard, from shard 0: up to which turn it has caught up
  unfinished smallint[] not null,       -- shards to be walked, the next one first
  advanced_at timestamptz not null default clock_timestamp()
) with (fillfactor = 50);
