-- A webhook whose waiting retries are brought forward, after an outage or because somebody has asked for it.
alter table webhooks
  add column resumed_at timestamptz,    -- what was attempted before this is made due; null: nothing is
  add column resume_size integer,       -- so much of it in the next step; null: all that a statement may take
  add column resume_stepped_at timestamptz; -- the last step
create index webhooks_resumed on webhooks (resume_stepped_at nulls first, id) where resumed_at is not null;
