-- The marketplace: sellers, catalogue, orders, shipments, refunds.
-- Money is bigint minor units beside one currency per row. Deleting through the API sets deleted_at.

create table sellers (
  id bigint generated always as identity primary key,
  business_name text not null,
  legal_business_name text,
  business_number text,
  email_address text not null,
  phone text,
  is_online boolean not null default true,
  is_retailer boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table shipment_carriers (
  id bigint generated always as identity primary key,
  name text not null unique,
  tracking_link_template text
);

create table adverts (
  id bigint generated always as identity primary key,
  seller_id bigint not null references sellers,
  title text not null,
  description text,
  code text,
  condition text not null default 'NEW' check (condition in ('NEW', 'USED')),
  is_published boolean not null default true,
  is_online boolean not null default true,
  is_vetted boolean not null default true,
  tax_code text,
  product_features text[] not null default '{}',
  url text,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index adverts_seller on adverts (seller_id, id);

create table variants (
  id bigint generated always as identity primary key,
  advert_id bigint not null references adverts,
  seller_id bigint not null references sellers,
  label text not null,
  sku text,
  barcode text,
  count_on_hand integer not null default 0 check (count_on_hand >= 0),
  has_infinite_quantity boolean not null default false,
  is_published boolean not null default true,
  price_cents bigint check (price_cents >= 0),
  sale_price_cents bigint check (sale_price_cents >= 0),
  sale_price_start_at timestamptz,
  sale_price_end_at timestamptz,
  min_purchase_quantity integer,
  max_purchase_quantity integer,
  pricing_model text not null default 'MARKETPLACE' check (pricing_model in ('MARKETPLACE', 'WHOLESALE')),
  currency text not null default 'AUD',
  tax_code text,
  notes text,
  url text,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index variants_advert on variants (advert_id, id);
create index variants_seller on variants (seller_id, id);
create index variants_sku on variants (sku, id);
create index variants_barcode on variants (barcode, id);

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
  billing_first_name text,
  billing_surname text,
  billing_phone text,
  billing_email_address text,
  billing_company_name text,
  is_gift boolean not null default false,
  message_to_seller text,
  payment_instrument_type text,
  total_cents bigint not null,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  shipping_cost_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table invoices (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders,
  seller_id bigint not null references sellers,
  delivery_type text not null check (delivery_type in ('BUY_ONLINE', 'CLICK_AND_COLLECT', 'NO_DISPATCH')),
  -- Checked, since one unknown flag would fail the reading of every invoice that is read with it.
  status_flags text[] not null default '{}' check (status_flags <@ array['PAID', 'PAYMENT_UNDER_REVIEW', 'SENT',
    'PARTIALLY_SENT', 'AWAITING_RETURN', 'AWAITING_REFUND', 'REFUNDED', 'CANCELLED', 'READY', 'COLLECTED', 'REMITTED']),
  buyer_first_name text,
  buyer_surname text,
  buyer_phone text,
  buyer_email_address text,
  buyer_message_to_seller text,
  paid_at timestamptz,
  remitted_at timestamptz,
  shipping_description text not null default '',
  tax_rate double precision,
  total_cents bigint not null,
  adjustment_cents bigint not null default 0,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  tax_shipping_cents bigint not null default 0,
  shipping_cost_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  commission_amount_cents bigint,
  commission_amount_tax_cents bigint,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoices_order on invoices (order_id, id);
create index invoices_seller on invoices (seller_id, id);
create index invoices_created on invoices (created_at, id);

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
  status text not null default 'NEW' check (status in ('NEW', 'ALLOCATED', 'REFUNDED', 'CANCELLED')),
  pricing_model text not null default 'MARKETPLACE' check (pricing_model in ('MARKETPLACE', 'WHOLESALE')),
  quantity integer not null check (quantity > 0),
  quantity_awaiting_dispatch integer not null check (quantity_awaiting_dispatch >= 0),
  quantity_returnable integer not null check (quantity_returnable >= 0),
  item_amount_cents bigint not null,
  total_cents bigint not null,
  subtotal_cents bigint not null,
  tax_total_cents bigint not null default 0,
  discount_cents bigint not null default 0,
  postage_cents bigint not null default 0,
  commission_amount_cents bigint,
  tax_rate double precision,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  check (quantity_awaiting_dispatch <= quantity),
  check (quantity_returnable <= quantity)
);
create index line_items_invoice on line_items (invoice_id, id);
create index line_items_variant on line_items (variant_id);

create table shipments (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  carrier_id bigint references shipment_carriers,
  carrier text not null,
  tracking_number text not null,
  tracking_link text,
  dispatched_at timestamptz not null default now(),
  note text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index shipments_invoice on shipments (invoice_id, id);

create table shipped_items (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments,
  line_item_id bigint not null references line_items,
  quantity integer not null check (quantity > 0)
);
create index shipped_items_shipment on shipped_items (shipment_id, id);
create index shipped_items_line_item on shipped_items (line_item_id, id);

create table refund_requests (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  status text not null check (status in
    ('AWAITING', 'RETURNED', 'REFUND_ACCEPTED', 'REFUND_DENIED', 'REFUNDED', 'DENIED', 'PROCESSED')),
  initiated_by text not null check (initiated_by in ('ADMIN', 'SELLER', 'BUYER')),
  refunded_at timestamptz,
  total_cents bigint,
  request_value_cents bigint,
  refund_amount_cents bigint,
  cash_amount_cents bigint,
  line_item_amount_total_cents bigint,
  line_item_tax_total_cents bigint,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index refund_requests_invoice on refund_requests (invoice_id, id);
create index refund_requests_created on refund_requests (created_at, id);

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
  amount_cents bigint not null,
  amount_per_item_cents bigint not null,
  currency text not null,
  check ((line_item_id is null) <> (custom is null))
);
create index refund_request_line_items_request on refund_request_line_items (refund_request_id, id);
create index refund_request_line_items_line_item on refund_request_line_items (line_item_id);

create table refund_request_notes (
  id bigint generated always as identity primary key,
  refund_request_id bigint not null references refund_requests,
  refund_request_line_item_id bigint references refund_request_line_items,
  timestamp timestamptz not null default now(),
  new_status text not null,
  note text,
  author text
);
create index refund_request_notes_request on refund_request_notes (refund_request_id, id);
create index refund_request_notes_line on refund_request_notes (refund_request_line_item_id, id);

create table invoice_amendments (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  refund_request_id bigint references refund_requests,
  total_cents bigint not null,
  tax_cents bigint not null default 0,
  remittance_cents bigint not null default 0,
  line_item_amount_total_cents bigint,
  line_item_tax_total_cents bigint,
  tax_rate double precision,
  remitted_at timestamptz,
  currency text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoice_amendments_invoice on invoice_amendments (invoice_id, id);

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
  tax_rate double precision,
  currency text not null
);
create index invoice_amendment_line_items_amendment on invoice_amendment_line_items (invoice_amendment_id, id);
