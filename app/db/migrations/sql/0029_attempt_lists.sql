-- Attempts are listed by themselves, of one webhook and of all: so each tells its webhook, which never changes.
alter table delivery_attempts add column webhook_id bigint;

-- Nobody could see an attempt any more whose event has been dropped.
delete from delivery_attempts a where not exists (select from webhook_events e where e.id = a.webhook_event_id);
update delivery_attempts a set webhook_id = e.webhook_id from webhook_events e where e.id = a.webhook_event_id;
alter table delivery_attempts alter column webhook_id set not null;

-- Without the id, in which attempts that began together are ordered: a claim's attempts, which share their time, are
-- one entry then.
create index delivery_attempts_started on delivery_attempts (started_at);
create index delivery_attempts_by_webhook on delivery_attempts (webhook_id, started_at);
-- "What failed?", few of many. An attempt enters these when it ends, and only if it failed.
create index delivery_attempts_failed on delivery_attempts (webhook_id, started_at)
  where finished_at is not null and (status is null or status not between 200 and 299);
create index delivery_attempts_all_failed on delivery_attempts (started_at)
  where finished_at is not null and (status is null or status not between 200 and 299);
