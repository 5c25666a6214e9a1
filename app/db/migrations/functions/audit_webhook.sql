-- Notes which settings of a webhook have changed, whoever changes them. Within a mutation, its audit entry takes what was
-- noted (app/auth/db/audit_entries.py). Any other change gets an entry of its own: Tellgraph disables a webhook, somebody
-- runs SQL by hand. Neither secrets nor the values of headers are noted, only that they have changed.
create or replace function audit_webhook() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  noted jsonb;
  is_resealed boolean := coalesce(current_setting('tellgraph.resealing', true), '') = 'on';
begin
  select jsonb_agg(c.change order by c.place) into noted from (
    select v.place, jsonb_build_object('field', v.field, 'old', v.old, 'new', v.new) as change
    from (values
      (1, 'type', to_jsonb(old.type), to_jsonb(new.type)),
      (2, 'sellerId', to_jsonb(old.seller_id), to_jsonb(new.seller_id)),
      (3, 'url', to_jsonb(old.url), to_jsonb(new.url)),
      (4, 'queryString', to_jsonb(old.query_string), to_jsonb(new.query_string)),
      (5, 'eventNames', to_jsonb(old.event_names), to_jsonb(new.event_names)),
      (6, 'triggers', to_jsonb(old.triggers), to_jsonb(new.triggers)),
      (7, 'filter', to_jsonb(old.filter), to_jsonb(new.filter)),
      (8, 'enabled', to_jsonb(old.is_enabled), to_jsonb(new.is_enabled)),
      (9, 'disabledReason', to_jsonb(old.disabled_reason), to_jsonb(new.disabled_reason)),
      (10, 'deleted', to_jsonb(old.deleted_at is not null), to_jsonb(new.deleted_at is not null)),
      (13, 'signatureSchemes', to_jsonb(old.signature_schemes), to_jsonb(new.signature_schemes)),
      (14, 'description', to_jsonb(old.description), to_jsonb(new.description)),
      (15, 'allowSkip', to_jsonb(old.allow_skip), to_jsonb(new.allow_skip)),
      (16, 'everyChange', to_jsonb(old.every_change), to_jsonb(new.every_change)),
      (17, 'maxRetries', to_jsonb(old.max_retries), to_jsonb(new.max_retries)),
      (18, 'timeoutSeconds', to_jsonb(old.timeout_s), to_jsonb(new.timeout_s)),
      (19, 'concurrentSendLimit', to_jsonb(old.concurrent_send_limit), to_jsonb(new.concurrent_send_limit)),
      (20, 'rateLimit', to_jsonb(old.rate_limit), to_jsonb(new.rate_limit)),
      (21, 'delivery', to_jsonb(old.delivery), to_jsonb(new.delivery)),
      (22, 'reconcileEveryHours', to_jsonb(old.reconcile_every_hours), to_jsonb(new.reconcile_every_hours)),
      (23, 'includePrevious', to_jsonb(old.include_previous), to_jsonb(new.include_previous)),
      (24, 'handle', to_jsonb(old.handle), to_jsonb(new.handle))
    ) v(place, field, old, new) where v.old is distinct from v.new
    union all select 11, '{"field": "headers"}' where old.headers is distinct from new.headers and not is_resealed
    union all select 12, '{"field": "secrets"}' where old.secrets is distinct from new.secrets and not is_resealed
  ) c;
  if noted is null then
    return null;
  end if;
  if current_setting('tellgraph.audited', true) = 'on' then
    perform set_config('tellgraph.noted',
      (coalesce(nullif(current_setting('tellgraph.noted', true), ''), '[]')::jsonb || noted)::text, true);
    return null;
  end if;
  insert into audit_entries (actor, seller_id, action, entity_type, entity_id, fields, changes) values (
    -- A worker's transactions name no actor. The name of the connection tells them from SQL by hand.
    coalesce(nullif(current_setting('tellgraph.actor', true), ''),
      case when current_setting('application_name') = 'tellgraph' then 'tellgraph' else 'database' end),
    coalesce(new.seller_id, old.seller_id), 'webhook.' || lower(tg_op), 'Webhook', coalesce(new.id, old.id), '{}', noted);
  return null;
end $$;
-- Only of these columns: what delivery writes costs nothing more.
create or replace trigger webhooks_audited after insert or delete or update of seller_id, type, event_names, delivery, url,
    query_string, triggers, filter, headers, secrets, signature_schemes, description, is_enabled, disabled_reason,
    allow_skip, every_change, include_previous, max_retries, timeout_s, concurrent_send_limit, rate_limit,
    reconcile_every_hours, handle, deleted_at
  on webhooks for each row execute function audit_webhook();
