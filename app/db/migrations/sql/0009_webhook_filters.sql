-- What narrows the changes that a webhook is told of, and why its query does not run on this version.

alter table webhooks
  add column triggers text[] not null default '{}',  -- field paths; empty: whatever the query reads
  add column filter text,                            -- an expression over the result; null: everything is sent
  add column broken_reason text;                     -- null: all fits the schema of the version that looked last
