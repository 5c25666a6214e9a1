-- What the root lists are filtered and ordered by. Each of these costs every write of its table, so there is one
-- per order of the operator's lists, and of a seller's for the two that are polled; a seller's other orders sort
-- the seller's own rows.

-- As invoice_status in app/marketplace/orders/domain/invoice.py: the first flag of these that is set.
create function invoice_status(flags text[]) returns text language sql immutable parallel safe as $$
  select case
    when 'CANCELLED' = any(flags) then 'CANCELLED'
    when 'REFUNDED' = any(flags) then 'REFUNDED'
    when 'COLLECTED' = any(flags) then 'COLLECTED'
    when 'READY' = any(flags) then 'READY'
    when 'SENT' = any(flags) then 'SENT'
    when 'PARTIALLY_SENT' = any(flags) then 'PARTIALLY_SENT'
    when 'PAYMENT_UNDER_REVIEW' = any(flags) then 'PAYMENT_UNDER_REVIEW'
    when 'PAID' = any(flags) then 'PAID'
    else 'AWAITING_PAYMENT'
  end
$$;

create index invoices_seller_created on invoices (seller_id, created_at, id);
create index invoices_updated on invoices (updated_at, id);
create index invoices_seller_updated on invoices (seller_id, updated_at, id);
create index invoices_paid on invoices (coalesce(paid_at, 'infinity'::timestamptz), id);
create index invoices_remitted on invoices (coalesce(remitted_at, 'infinity'::timestamptz), id);
create index invoices_status on invoices ((invoice_status(status_flags) collate "C"), id);
create index line_items_awaiting_dispatch on line_items (invoice_id) where quantity_awaiting_dispatch > 0;

create index orders_updated on orders (updated_at, id);
create index refund_requests_updated on refund_requests (updated_at, id);
create index adverts_updated on adverts (updated_at, id);
create index adverts_seller_updated on adverts (seller_id, updated_at, id);

create index invoice_amendments_created on invoice_amendments (created_at, id);
create index invoice_amendments_updated on invoice_amendments (updated_at, id);
create index invoice_amendments_remitted on invoice_amendments (coalesce(remitted_at, 'infinity'::timestamptz), id);

-- "What became of this object's changes?", and "what failed?": few of a webhook's many events.
create index webhook_events_entity on webhook_events (entity_id, id);
create index webhook_events_failed on webhook_events (webhook_id, id) where state in ('FAILED', 'RENDER_FAILED');
