-- What happens to webhooks themselves: disabled, failing, out of retries, recovered. An entity like others, and so told
-- by webhooks like others.

create table operational_events (
  id bigint generated always as identity primary key,
  webhook_id bigint not null references webhooks,
  kind text not null check (kind in ('DISABLED', 'FAILING', 'EXHAUSTED', 'RECOVERED')),
  webhook_event_id bigint,              -- of EXHAUSTED. No foreign key: the event may be cleared away before this is
  reason text not null,
  occurred_at timestamptz not null default clock_timestamp()
);
create index operational_events_webhook on operational_events (webhook_id, id);
create index operational_events_occurred on operational_events (occurred_at);

-- When FAILING was raised, or Tellgraph disabled the webhook; null: there is nothing to recover from.
alter table webhooks add column outage_reported_at timestamptz;
-- Few at any time: those that the sweep looks at.
create index webhooks_failing on webhooks (failing_since) where failing_since is not null;
