-- Publishing goes by bounded steps, and what one owner makes heavy keeps nobody else waiting.

-- Which queue a change event waits in. 0: ordinary. 1: of a transaction that changed many entities, or what one step
-- did not take. 2: heavy for itself, by its bodies or by its number of webhooks. 3: set aside after a failure.
alter table change_events add column lane smallint not null default 0;
-- What a step left over goes to the back: its turn is later than its id. Null: its turn is its id.
alter table change_events add column turn bigint;
-- The webhooks that are still to be told; null: all of them.
alter table change_events add column webhook_ids bigint[];
-- Why it was set aside.
alter table change_events add column failure text;

drop index change_events_unpublished;
-- Shard before turn: dead entries of a shard share its leaf pages and are dropped before a split, so the claim
-- stays at a few buffers however many events have passed through.
create index change_events_unpublished on change_events_open (lane, shard, (coalesce(turn, id)), id);
-- All events of an entity, whichever lane they wait in: they are published together.
create index change_events_open_of_entity on change_events_open (entity_type, entity_id, id);

-- Which transaction last changed what publishing goes by. Workers keep webhooks in memory and read what has changed
-- since: everything at or after the oldest transaction that was open when they last looked.
alter table webhooks add column changed_xid xid8 not null default pg_current_xact_id();
create index webhooks_changed on webhooks (changed_xid);

-- Of a change event that could not be published there is no webhook to speak of.
alter table operational_events alter column webhook_id drop not null;
alter table operational_events drop constraint operational_events_kind_check;
alter table operational_events add constraint operational_events_kind_check
  check (kind in ('DISABLED', 'FAILING', 'EXHAUSTED', 'RECOVERED', 'PUBLISH_FAILED'));
