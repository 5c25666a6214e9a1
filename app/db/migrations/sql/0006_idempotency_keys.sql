-- Mutations sent with an Idempotency-Key. A row commits together with the change that it stands for.

create table idempotency_keys (
  actor text not null,                  -- on whose behalf, as in change_events
  key text not null,
  field text not null,                  -- the mutation's name in the response: an operation may hold several
  request_hash bytea not null,          -- SHA-256 of the operation and its variables
  made jsonb not null default '{}',     -- payload field → [table, id] of the row that was made
  sealed bytea,                         -- what else the payload told, encrypted: it may be a secret
  created_at timestamptz not null default now(),
  primary key (actor, key, field)
);
create index idempotency_keys_created on idempotency_keys (created_at);
