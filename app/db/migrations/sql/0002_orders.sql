-- Orders: what was bought, how it was sent, and what was given back. Money and indexes are as in the catalogue.

-- An order is split into invoices, one for each seller

create table orders (
  id bigint generated always as identity primary key,
  token text not null unique,
  status text not null check (status in
    ('NEW', 'CHECKOUT', 'ABANDONED', 'COMPLETE', 'PAYMENT_FAILED', 'PAYMENT_IN_PROGRESS', 'PENDING_REVIEW')),
  first_name text,
  surname text,
  phone text,
  email_address text,
  company_name text,
  address_id bigint references addresses,
  billing_first_name text,
  billing_surname text,
  billing_phone text,
  billing_email_address text,
  billing_company_name text,
  billing_address_id bigint references addresses,
  is_gift boolean not null default false,
  message_to_seller text,
  message_to_gift_recipient text,
  expected_delivery_date timestamptz,
  expected_delivery_slot text,
  payment_instrument_type text,
  total_cents bigint not null,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  shipping_cost_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  currency text not null,
  purged_at timestamptz,                -- when the buyer's data was erased; null: it was not
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index orders_address on orders (address_id) where address_id is not null;
create index orders_billing_address on orders (billing_address_id) where billing_address_id is not null;
create index orders_updated on orders (updated_at, id);
create index orders_unpaid on orders (updated_at, id) where status in ('NEW', 'CHECKOUT', 'PAYMENT_FAILED');

create table payment_events (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders,
  amount_cents bigint not null,
  currency text not null,
  is_successful boolean not null,
  transaction_id text,
  response_message text,
  created_at timestamptz not null default now()
);
create index payment_events_order on payment_events (order_id, id);

-- The first of these flags that is set, as invoice_status in app/marketplace/orders/domain/invoice.py.
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

create table invoices (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders,
  seller_id bigint not null references sellers,
  delivery_type text not null check (delivery_type in ('BUY_ONLINE', 'CLICK_AND_COLLECT', 'NO_DISPATCH')),
  -- Checked here, because one unknown flag would make unreadable every invoice that is read together with it.
  status_flags text[] not null default '{}' check (status_flags <@ array['PAID', 'PAYMENT_UNDER_REVIEW', 'SENT',
    'PARTIALLY_SENT', 'AWAITING_RETURN', 'AWAITING_REFUND', 'REFUNDED', 'CANCELLED', 'READY', 'COLLECTED', 'REMITTED']),
  buyer_first_name text,
  buyer_surname text,
  buyer_phone text,
  buyer_email_address text,
  buyer_message_to_seller text,
  buyer_billing_address_id bigint references addresses,
  shipping_address_id bigint references addresses,
  paid_at timestamptz,
  remitted_at timestamptz,
  shipping_description text not null default '',
  payment_instrument_type text,
  is_external_tax_applied boolean not null default false,  -- taxes were given with the order, not computed here
  tax_rate double precision,
  postage_tax_rate double precision,
  merchant_fee_cents bigint,
  merchant_fees_tax_rate double precision,
  merchant_fee_tax_total_cents bigint,
  total_cents bigint not null,
  adjustment_cents bigint not null default 0,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  tax_shipping_cents bigint not null default 0,
  shipping_cost_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  commission_amount_cents bigint,
  commission_amount_tax_cents bigint,
  commission_tax_rate double precision,
  currency text not null,
  order_purged_at timestamptz,          -- a copy of the order's, which sellers do not see
  -- A column of its own, so that a flag that leaves it as it is counts as no change of it.
  status text not null generated always as (invoice_status(status_flags)) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoices_order on invoices (order_id, id);
create index invoices_seller on invoices (seller_id, id);
create index invoices_created on invoices (created_at, id);
create index invoices_seller_created on invoices (seller_id, created_at, id);
create index invoices_updated on invoices (updated_at, id);
create index invoices_seller_updated on invoices (seller_id, updated_at, id);
create index invoices_paid on invoices (coalesce(paid_at, 'infinity'::timestamptz), id);
create index invoices_seller_paid on invoices (seller_id, coalesce(paid_at, 'infinity'::timestamptz), id);
create index invoices_remitted on invoices (coalesce(remitted_at, 'infinity'::timestamptz), id);
create index invoices_seller_remitted on invoices (seller_id, coalesce(remitted_at, 'infinity'::timestamptz), id);
-- The seller comes last: of what has a status, or awaits something, the index tells what is of one seller.
create index invoices_status on invoices ((invoice_status(status_flags) collate "C"), created_at, id, seller_id);
create index invoices_status_updated on invoices
  ((invoice_status(status_flags) collate "C"), updated_at, id, seller_id);
create index invoices_awaiting_return on invoices (created_at, id, seller_id)
  where status_flags @> array['AWAITING_RETURN'];
create index invoices_awaiting_collection on invoices (created_at, id, seller_id)
  where status_flags @> array['READY'] and not status_flags && array['COLLECTED', 'CANCELLED', 'REFUNDED'];
create index invoices_buyer_email on invoices (lower(buyer_email_address), created_at, id);
-- A search reads what is pending: so little of it. Each change of an invoice pays for this index, so it has no address.
create index invoices_buyer on invoices
  using gin (btrim(coalesce(buyer_first_name, '') || ' ' || coalesce(buyer_surname, '')) gin_trgm_ops)
  with (gin_pending_list_limit = 256);
create index invoices_shipping_address on invoices (shipping_address_id) where shipping_address_id is not null;
create index invoices_buyer_billing_address on invoices (buyer_billing_address_id)
  where buyer_billing_address_id is not null;

-- What notes about invoices are for, and who may do what with those of a type. The operator sees all.
create table invoice_annotation_types (
  id bigint generated always as identity primary key,
  name text not null,
  description text not null,
  creatable_by_operator boolean not null default true,
  creatable_by_seller boolean not null default true,
  creatable_by_customer boolean not null default false,
  editable_by_operator boolean not null default true,
  editable_by_seller boolean not null default true,
  editable_by_customer boolean not null default false,
  resolvable_by_operator boolean not null default true,
  resolvable_by_seller boolean not null default true,
  resolvable_by_customer boolean not null default false,
  viewable_by_operator boolean not null default true check (viewable_by_operator),
  viewable_by_seller boolean not null default true,
  viewable_by_customer boolean not null default false,
  discarded_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table invoice_annotations (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  invoice_annotation_type_id bigint not null references invoice_annotation_types,
  seller_id bigint not null default 0,  -- the seller that sees it, 0 for none; the triggers below keep it
  content text not null,
  is_resolved boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoice_annotations_invoice on invoice_annotations (invoice_id, id);
create index invoice_annotations_type on invoice_annotations
  (invoice_annotation_type_id, is_resolved, seller_id, invoice_id);

-- A note is seen by the seller of its invoice, if its type lets it. Whoever hides a type, or moves an invoice, locks it
-- FOR UPDATE, which waits for the notes that are being added. Of what is imported see seller_of_invoice.
create function seller_of_annotation() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  new.seller_id := coalesce((
    select case when t.viewable_by_seller then i.seller_id else 0 end
    from invoices i join invoice_annotation_types t on t.id = new.invoice_annotation_type_id
    where i.id = new.invoice_id for key share
  ), new.seller_id);
  return new;
end $$;
create trigger invoice_annotations_seller
  before insert or update of invoice_id, invoice_annotation_type_id, seller_id on invoice_annotations
  for each row execute function seller_of_annotation();
alter table invoice_annotations enable always trigger invoice_annotations_seller;

create function annotation_type_sellers() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  perform from invoice_annotation_types where id = new.id for update;
  update invoice_annotations set seller_id = 0 where invoice_annotation_type_id = new.id;  -- the trigger above says whose
  return null;
end $$;
create trigger invoice_annotation_types_sellers after update on invoice_annotation_types
  for each row when (old.viewable_by_seller <> new.viewable_by_seller) execute function annotation_type_sellers();
alter table invoice_annotation_types enable always trigger invoice_annotation_types_sellers;

-- What was sold is kept as it was called then: the advert, its brand and its variant may change later.
create table line_items (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  advert_id bigint,
  variant_id bigint,
  advert_title text,
  advert_code text,
  brand_name text,
  variant_name text,
  variant_sku text,
  variant_barcode text,
  inventory_id bigint references inventories,
  wholesale_price_cents bigint,
  image_id bigint references images,    -- not a copy: it may be one that the advert still has
  status text not null default 'NEW' check (status in ('NEW', 'ALLOCATED', 'REFUNDED', 'CANCELLED')),
  pricing_model text not null default 'MARKETPLACE' check (pricing_model in ('MARKETPLACE', 'WHOLESALE')),
  quantity integer not null check (quantity > 0),
  quantity_awaiting_dispatch integer not null check (quantity_awaiting_dispatch >= 0),
  quantity_returnable integer not null check (quantity_returnable >= 0),
  status_full text not null generated always as (
    case when status in ('REFUNDED', 'CANCELLED') or quantity_awaiting_dispatch > 0 then status
    else 'SHIPPED' end) stored,
  stock_quantity integer not null default 0,  -- taken from the variant's stock and not given back
  item_amount_cents bigint not null,
  total_cents bigint not null,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  postage_cents bigint not null default 0,
  commission_amount_cents bigint,
  commission_amount_tax_cents bigint,
  commission_rate double precision,
  commission_tax_rate double precision,
  postage_tax_rate double precision,
  merchant_fees_tax_rate double precision,
  -- How much of the total, its tax, and the commission amendments have given back: the last piece takes what is left.
  settled_cents bigint not null default 0,
  settled_tax_cents bigint not null default 0,
  settled_commission_cents bigint not null default 0,
  settled_commission_tax_cents bigint not null default 0,
  tax_rate double precision,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (quantity_awaiting_dispatch <= quantity),
  check (quantity_returnable <= quantity)
);
create index line_items_invoice on line_items (invoice_id, id);
create index line_items_variant on line_items (variant_id);
create index line_items_inventory on line_items (inventory_id);
-- Which items show an image that is to be removed.
create index line_items_image on line_items (image_id) where image_id is not null;
create index line_items_awaiting_dispatch on line_items (invoice_id) where quantity_awaiting_dispatch > 0;

create table adjustments (
  id bigint generated always as identity primary key,
  invoice_id bigint references invoices,
  line_item_id bigint references line_items,
  adjustment_type text not null check (adjustment_type in ('PROMOTION', 'FEE')),
  applies_to text not null check (applies_to in ('SUBTOTAL_DISCOUNT', 'FREE_SHIPPING_DISCOUNT')),
  amount_cents bigint not null,
  currency text not null,
  description text,
  amount_to_withhold_cents bigint not null default 0,  -- from what the seller is paid
  source_id text,
  check ((invoice_id is null) <> (line_item_id is null))
);
create index adjustments_invoice on adjustments (invoice_id, id);
create index adjustments_line_item on adjustments (line_item_id, id);

-- Shipments

create table shipment_carriers (
  id bigint generated always as identity primary key,
  name text not null unique,
  homepage_url text,
  tracking_link_template text
);

create table shipments (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  carrier_id bigint references shipment_carriers,
  carrier text not null,
  tracking_number text not null,
  tracking_link text,
  homepage_link text,
  shipped_from_id bigint references addresses,
  dispatched_at timestamptz not null default now(),
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index shipments_invoice on shipments (invoice_id, id);
create index shipments_shipped_from on shipments (shipped_from_id) where shipped_from_id is not null;

create table shipped_items (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments,
  line_item_id bigint not null references line_items,
  quantity integer not null check (quantity > 0)
);
create index shipped_items_shipment on shipped_items (shipment_id, id);
create index shipped_items_line_item on shipped_items (line_item_id, id);

create table shipment_statuses (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments,
  status text not null check (status in ('InfoReceived', 'InTransit', 'OutForDelivery', 'AttemptFail', 'Delivered',
    'AvailableForPickup', 'Exception', 'Expired', 'Pending')),
  created_at timestamptz not null default now()
);
create index shipment_statuses_shipment on shipment_statuses (shipment_id, id);

-- Refunds and returns

-- The seller of the row's invoice, for lists. It follows the invoice, whoever writes, also for what is imported. A first
-- copy of a subscription may bring the row before its invoice; then it keeps the seller that it came with.
create function seller_of_invoice() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  new.seller_id := coalesce((select i.seller_id from invoices i where i.id = new.invoice_id), new.seller_id);
  return new;
end $$;

create table refund_requests (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  seller_id bigint,                     -- a copy of the invoice's; a trigger keeps it
  status text not null check (status in
    ('AWAITING', 'RETURNED', 'REFUND_ACCEPTED', 'REFUND_DENIED', 'REFUNDED', 'DENIED', 'PROCESSED')),
  initiated_by text not null check (initiated_by in ('ADMIN', 'SELLER', 'BUYER')),
  refunded_at timestamptz,
  total_cents bigint,
  request_value_cents bigint,
  refund_amount_cents bigint,
  cash_amount_cents bigint,
  recovered_amount_cents bigint,
  line_item_amount_total_cents bigint,
  line_item_tax_total_cents bigint,
  commission_amount_total_cents bigint,
  commission_tax_total_cents bigint,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index refund_requests_invoice on refund_requests (invoice_id, id);
create index refund_requests_seller on refund_requests (seller_id, id);
create index refund_requests_seller_updated on refund_requests (seller_id, updated_at, id);
create index refund_requests_created on refund_requests (created_at, id);
create index refund_requests_updated on refund_requests (updated_at, id);
create index refund_requests_refunded on refund_requests (coalesce(refunded_at, 'infinity'::timestamptz), id);
create index refund_requests_status on refund_requests (status, id, seller_id);
create trigger refund_requests_seller before insert or update of invoice_id, seller_id on refund_requests
  for each row execute function seller_of_invoice();
alter table refund_requests enable always trigger refund_requests_seller;

create table refund_request_line_items (
  id bigint generated always as identity primary key,
  refund_request_id bigint not null references refund_requests,
  line_item_id bigint references line_items,
  custom text,
  quantity integer not null check (quantity > 0),
  status text not null check (status in
    ('PENDING_APPROVAL', 'AWAITING_RETURN', 'REFUND_ACCEPTED', 'REFUND_DENIED', 'REFUNDED')),
  reason text,
  deny_refund_reason text,
  description text,
  is_dispatched boolean not null default false,
  returned_at timestamptz,              -- when the goods came back; the status changes later, when somebody decides
  amount_cents bigint not null,
  amount_per_item_cents bigint not null,
  line_item_tax_cents bigint not null default 0,
  commission_amount_cents bigint not null default 0,
  commission_tax_cents bigint not null default 0,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check ((line_item_id is null) <> (custom is null))
);
create index refund_request_line_items_request on refund_request_line_items (refund_request_id, id);
create index refund_request_line_items_status on refund_request_line_items (status, refund_request_id);
create index refund_request_line_items_line_item on refund_request_line_items (line_item_id);

create table refund_request_notes (
  id bigint generated always as identity primary key,
  refund_request_id bigint not null references refund_requests,
  refund_request_line_item_id bigint references refund_request_line_items,
  timestamp timestamptz not null default now(),
  new_status text not null,
  note text,
  author text,
  ip_address text
);
create index refund_request_notes_request on refund_request_notes (refund_request_id, id);
create index refund_request_notes_line on refund_request_notes (refund_request_line_item_id, id);

create table return_shipments (
  id bigint generated always as identity primary key,
  refund_request_id bigint not null references refund_requests,
  carrier_id bigint not null references shipment_carriers,
  tracking_number text not null,
  note text,
  drop_off_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index return_shipments_request on return_shipments (refund_request_id, id);

-- Not in shipped_items, because what comes back must not count as sent.
create table return_shipped_items (
  id bigint generated always as identity primary key,
  return_shipment_id bigint not null references return_shipments,
  line_item_id bigint not null references line_items,
  quantity integer not null check (quantity > 0)
);
create index return_shipped_items_shipment on return_shipped_items (return_shipment_id, id);
create index return_shipped_items_line_item on return_shipped_items (line_item_id);

create table return_shipment_statuses (
  id bigint generated always as identity primary key,
  return_shipment_id bigint not null references return_shipments,
  status text not null check (status in ('InfoReceived', 'InTransit', 'OutForDelivery', 'AttemptFail', 'Delivered',
    'AvailableForPickup', 'Exception', 'Expired', 'Pending')),
  created_at timestamptz not null default now()
);
create index return_shipment_statuses_shipment on return_shipment_statuses (return_shipment_id, id);

-- Amounts are changes of the invoice's: negative if the buyer gets something back.
create table invoice_amendments (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  seller_id bigint,                     -- a copy of the invoice's; a trigger keeps it
  refund_request_id bigint references refund_requests,
  total_cents bigint not null,
  tax_cents bigint not null default 0,
  remittance_cents bigint not null default 0,
  line_item_amount_total_cents bigint,
  line_item_tax_total_cents bigint,
  commission_amount_total_cents bigint not null default 0,
  commission_tax_total_cents bigint not null default 0,
  tax_rate double precision,
  is_external_tax_applied boolean not null default false,
  remitted_at timestamptz,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoice_amendments_invoice on invoice_amendments (invoice_id, id);
create index invoice_amendments_created on invoice_amendments (created_at, id);
create index invoice_amendments_updated on invoice_amendments (updated_at, id);
create index invoice_amendments_remitted on invoice_amendments (coalesce(remitted_at, 'infinity'::timestamptz), id);
create index invoice_amendments_seller_created on invoice_amendments (seller_id, created_at, id);
create index invoice_amendments_seller_updated on invoice_amendments (seller_id, updated_at, id);
create index invoice_amendments_seller_remitted on invoice_amendments
  (seller_id, coalesce(remitted_at, 'infinity'::timestamptz), id);
create trigger invoice_amendments_seller before insert or update of invoice_id, seller_id on invoice_amendments
  for each row execute function seller_of_invoice();
alter table invoice_amendments enable always trigger invoice_amendments_seller;

create function invoice_seller_copies() returns trigger
language plpgsql security definer set search_path = public, pg_temp set enable_seqscan = off as $$
begin
  perform from invoices where id = new.id for update;  -- see seller_of_annotation
  update invoice_annotations set seller_id = new.seller_id where invoice_id = new.id;
  update refund_requests set seller_id = new.seller_id where invoice_id = new.id;
  update invoice_amendments set seller_id = new.seller_id where invoice_id = new.id;
  return null;
end $$;
create trigger invoices_seller_copies after update on invoices
  for each row when (old.seller_id <> new.seller_id) execute function invoice_seller_copies();
alter table invoices enable always trigger invoices_seller_copies;

create table invoice_amendment_line_items (
  id bigint generated always as identity primary key,
  invoice_amendment_id bigint not null references invoice_amendments,
  line_item_id bigint references line_items,
  custom text,
  quantity integer not null check (quantity > 0),
  status text not null check (status in ('REFUNDED', 'CANCELLED')),
  is_dispatched boolean not null default false,
  amount_cents bigint not null,
  total_cents bigint not null,
  tax_cents bigint,
  commission_amount_cents bigint not null default 0,
  commission_tax_cents bigint not null default 0,
  tax_rate double precision,
  currency text not null
);
create index invoice_amendment_line_items_amendment on invoice_amendment_line_items (invoice_amendment_id, id);

-- What sellers are paid

-- An amount in units of its currency, whose decimals are those of app/marketplace/money.py.
create function major_units(cents bigint, currency text) returns numeric language sql immutable parallel safe as $$
  select cents / case
    when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND', 'VUV',
      'XAF', 'XOF', 'XPF') then 1::numeric
    when currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000
    when currency in ('CLF', 'UYW') then 10000
    else 100 end
$$;

-- One advice is one payment to one seller in one currency.
create table remittance_advices (
  id bigint generated always as identity primary key,
  seller_id bigint not null references sellers,
  total_cents bigint not null,          -- negative: the seller pays it back
  commission_amount_total_cents bigint not null default 0,
  currency text not null,
  payment_reference text,
  paid_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index remittance_advices_seller on remittance_advices (seller_id, id);
create index remittance_advices_created on remittance_advices (created_at, id);
create index remittance_advices_paid on remittance_advices (coalesce(paid_at, 'infinity'::timestamptz), id);
create index remittance_advices_reference on remittance_advices (payment_reference, id);
create index remittance_advices_total on remittance_advices (major_units(total_cents, currency), id);
create index remittance_advices_total_paid on remittance_advices (major_units(total_cents, currency), id)
  where paid_at is not null;

-- The seller's part of a paid invoice, and the change of it by each amendment: negative for a refund.
create table remittances (
  id bigint generated always as identity primary key,
  seller_id bigint not null references sellers,
  invoice_id bigint not null references invoices,
  invoice_amendment_id bigint references invoice_amendments,  -- null: of the invoice itself
  remittance_advice_id bigint references remittance_advices,  -- null: it has not been released yet
  amount_cents bigint not null,
  commission_amount_cents bigint not null,
  currency text not null,
  released_at timestamptz,
  created_at timestamptz not null default now()
);
create index remittances_invoice on remittances (invoice_id, id);
create index remittances_amendment on remittances (invoice_amendment_id, id) where invoice_amendment_id is not null;
create index remittances_advice on remittances (remittance_advice_id, id) where remittance_advice_id is not null;
create index remittances_seller on remittances (seller_id, id);
create index remittances_created on remittances (created_at, id);
create index remittances_seller_created on remittances (seller_id, created_at, id);
create index remittances_unreleased on remittances (id, seller_id) where released_at is null;
create index remittances_of_amendments on remittances (id, seller_id) where invoice_amendment_id is not null;
