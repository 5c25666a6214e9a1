-- The rest of the entity graph. New columns are null or have a default: the release before runs on these tables.

create table countries (
  id bigint generated always as identity primary key,
  name text not null,
  iso text unique                       -- ISO 3166-1 alpha-2
);

create table states (
  id bigint generated always as identity primary key,
  country_id bigint not null references countries,
  name text not null,
  short text                            -- as on an envelope: VIC
);
create index states_country on states (country_id, id);

create table addresses (
  id bigint generated always as identity primary key,
  address text not null,
  subaddress text,
  city text not null,
  postcode text not null,
  state_id bigint references states,
  country_id bigint not null references countries,
  lat double precision check (lat between -90 and 90),
  lng double precision check (lng between -180 and 180)
);

-- An address has no owner: it is of whatever points to it, and an order's invoices may share one.
alter table orders
  add column address_id bigint references addresses,
  add column billing_address_id bigint references addresses;
alter table invoices
  add column shipping_address_id bigint references addresses,
  add column buyer_billing_address_id bigint references addresses;
alter table sellers add column address_id bigint references addresses;
create index orders_address on orders (address_id) where address_id is not null;
create index orders_billing_address on orders (billing_address_id) where billing_address_id is not null;
create index invoices_shipping_address on invoices (shipping_address_id) where shipping_address_id is not null;
create index invoices_buyer_billing_address on invoices (buyer_billing_address_id)
  where buyer_billing_address_id is not null;
create index sellers_address on sellers (address_id) where address_id is not null;

-- Owners are named by GraphQL type and id, without a foreign key: ids are never given out again.
create table images (
  id bigint generated always as identity primary key,
  owner_type text not null check (owner_type in ('Advert', 'Variant', 'Brand', 'Seller', 'RefundRequestNote')),
  owner_id bigint not null,
  kind text not null default 'GALLERY' check (kind in ('GALLERY', 'LOGO')),
  url text not null,
  alt text,
  filename text,
  position integer not null default 0
);
create index images_owner on images (owner_type, owner_id, id);
create unique index images_logo on images (owner_type, owner_id) where kind = 'LOGO';

create table external_ids (
  id bigint generated always as identity primary key,
  owner_type text not null check (owner_type in ('Order', 'Invoice', 'LineItem', 'Shipment', 'RefundRequest',
    'RefundRequestLineItem', 'ReturnShipment', 'Advert', 'Variant', 'Seller')),
  owner_id bigint not null,
  key text not null,
  value text not null,
  unique (owner_type, owner_id, key)
);
create index external_ids_value on external_ids (key, value, id);

create table metadata (
  id bigint generated always as identity primary key,
  owner_type text not null check (owner_type in ('Order', 'Invoice', 'LineItem', 'Shipment', 'RefundRequest',
    'RefundRequestLineItem', 'ReturnShipment', 'Advert', 'Variant', 'Seller')),
  owner_id bigint not null,
  key text not null,
  value text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (owner_type, owner_id, key)
);

create table brands (
  id bigint generated always as identity primary key,
  name text not null unique,
  slug text not null unique
);

create table taxons (
  id bigint generated always as identity primary key,
  parent_id bigint references taxons,
  display_name text not null,
  title text not null,
  url_slug text not null,
  tree_name text not null default ''    -- kept by taxons_tree_name: the names from the root down to this one
);
create index taxons_parent on taxons (parent_id, id);

create function taxon_tree_name() returns trigger language plpgsql as $$
begin
  if exists (
    with recursive above as (
      select new.parent_id as id
      union select t.parent_id from taxons t join above a on t.id = a.id
    ) select from above where id = new.id
  ) then
    raise exception 'taxon % can not lie below itself', new.id using errcode = 'check_violation';
  end if;
  new.tree_name := coalesce((select p.tree_name || ' > ' from taxons p where p.id = new.parent_id), '')
    || new.display_name;
  return new;
end $$;
create trigger taxons_tree_name before insert or update on taxons
  for each row execute function taxon_tree_name();

create function taxon_tree_names_below() returns trigger language plpgsql as $$
begin
  update taxons set tree_name = '' where parent_id = new.id;  -- the trigger above names each of them anew
  return null;
end $$;
create trigger taxons_tree_names_below after update on taxons
  for each row when (old.tree_name is distinct from new.tree_name) execute function taxon_tree_names_below();

alter table adverts
  add column brand_id bigint references brands,
  add column taxon_id bigint references taxons,
  add column display_image_id bigint references images;
create index adverts_brand on adverts (brand_id, id);
create index adverts_taxon on adverts (taxon_id, id);
-- Whatever image the advert had at purchase; it may be the advert's own, so it is not copied.
alter table line_items add column image_id bigint references images;

create table option_types (
  id bigint generated always as identity primary key,
  name text not null unique,
  display_name text not null,
  position integer not null default 0,
  field_type text not null check (field_type in ('SINGLE_SELECT', 'MULTI_SELECT', 'FREE_TEXT'))
);

create table option_values (
  id bigint generated always as identity primary key,
  option_type_id bigint not null references option_types,
  name text not null,
  display_name text not null,
  position integer not null default 0,
  unique (option_type_id, name)
);
create index option_values_type on option_values (option_type_id, id);

create table variant_option_values (
  id bigint generated always as identity primary key,
  variant_id bigint not null references variants,
  option_type_id bigint not null references option_types,
  option_value_id bigint references option_values,
  text_value text,
  check ((option_value_id is null) <> (text_value is null))
);
create index variant_option_values_variant on variant_option_values (variant_id, id);
create index variant_option_values_type on variant_option_values (option_type_id);
create index variant_option_values_value on variant_option_values (option_value_id);

create table advert_option_values (
  id bigint generated always as identity primary key,
  advert_id bigint not null references adverts,
  option_type_id bigint not null references option_types,
  option_value_id bigint references option_values,
  text_value text,
  check ((option_value_id is null) <> (text_value is null))
);
create index advert_option_values_advert on advert_option_values (advert_id, id);
create index advert_option_values_type on advert_option_values (option_type_id);
create index advert_option_values_value on advert_option_values (option_value_id);

create table inventories (
  id bigint generated always as identity primary key,
  variant_id bigint not null references variants,
  seller_id bigint not null references sellers,
  count_on_hand integer not null default 0 check (count_on_hand >= 0),
  has_infinite_quantity boolean not null default false,
  price_cents bigint check (price_cents >= 0),
  currency text not null
);
create index inventories_variant on inventories (variant_id, id);
create index inventories_seller on inventories (seller_id, id);

create table adjustments (
  id bigint generated always as identity primary key,
  invoice_id bigint references invoices,
  line_item_id bigint references line_items,
  adjustment_type text not null check (adjustment_type in ('PROMOTION', 'FEE')),
  applies_to text not null check (applies_to in ('SUBTOTAL_DISCOUNT', 'FREE_SHIPPING_DISCOUNT')),
  amount_cents bigint not null,
  currency text not null,
  description text,
  check ((invoice_id is null) <> (line_item_id is null))
);
create index adjustments_invoice on adjustments (invoice_id, id);
create index adjustments_line_item on adjustments (line_item_id, id);

create table invoice_annotations (
  id bigint generated always as identity primary key,
  invoice_id bigint not null references invoices,
  content text not null,
  is_resolved boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index invoice_annotations_invoice on invoice_annotations (invoice_id, id);

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

create table shipment_statuses (
  id bigint generated always as identity primary key,
  shipment_id bigint not null references shipments,
  status text not null check (status in ('InfoReceived', 'InTransit', 'OutForDelivery', 'AttemptFail', 'Delivered',
    'AvailableForPickup', 'Exception', 'Expired', 'Pending')),
  created_at timestamptz not null default now()
);
create index shipment_statuses_shipment on shipment_statuses (shipment_id, id);

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

-- Apart from shipped_items: what comes back must not count as sent.
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
