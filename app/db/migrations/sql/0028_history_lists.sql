-- Lists of a long history: by time, and by one state that few of many events are in.

-- "What was made of changes in that hour?"
create index webhook_events_created on webhook_events (created_at, id);

-- Beside those by id, which serve several states together: a webhook that was deleted may have left a million CANCELLED
-- events among the few that FAILED.
create index webhook_events_failed_state on webhook_events_closed (webhook_id, state, id)
  where state in ('FAILED', 'RENDER_FAILED', 'CANCELLED');
create index webhook_events_all_failed_state on webhook_events_closed (state, id)
  where state in ('FAILED', 'RENDER_FAILED', 'CANCELLED');
