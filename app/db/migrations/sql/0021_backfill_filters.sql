-- Which entities a backfill sends, as its caller wrote it: the input WebhookBackfillFilters.

alter table webhook_backfills add column filters jsonb;  -- null: all that the webhook's owner sees
