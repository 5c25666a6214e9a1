-- The catalogue: sellers and what they offer; before them, what rows of many tables have.
-- Money is bigint minor units beside one currency per row. The API deletes a row by setting deleted_at.
-- Triggers of single rows look other rows up by index alone (enable_seqscan = off): a session keeps the plans that it made
-- when there were few rows, and would later read whole tables for each row of a bulk change.

-- Indexes of texts that contain another. PostgreSQL's own extension; the owner of a database may add it.
create extension if not exists pg_trgm;

-- What rows of many tables have

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

-- An address belongs to the rows that point to it. Several may: an order and its invoices often share one.
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

-- An owner is named by its GraphQL type and its id, without a foreign key: ids are never given out again.
create table images (
  id bigint generated always as identity primary key,
  -- A line item owns an image that its advert had when the item was sold and has no longer.
  owner_type text not null check (owner_type in
    ('Advert', 'Variant', 'Brand', 'Seller', 'RefundRequestNote', 'ReturnShipment', 'RemittanceAdvice', 'LineItem')),
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
    'RefundRequestLineItem', 'ReturnShipment', 'Advert', 'Variant', 'Seller', 'Brand', 'Taxon', 'OptionType',
    'OptionValue')),
  owner_id bigint not null,
  key text not null,
  value text not null,
  unique (owner_type, owner_id, key)
);
create index external_ids_value on external_ids (key, value, id);
create index external_ids_any_key on external_ids (value, owner_type, owner_id);  -- of lists that are given no key

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

-- Sellers and what they offer

create table tax_codes (
  id bigint generated always as identity primary key,
  code text not null unique,
  name text not null
);

-- The operator's part of what is sold. A seller without a package has the default one, if there is one.
create table commission_packages (
  id bigint generated always as identity primary key,
  name text not null unique,
  rate double precision not null check (rate >= 0),
  applies_to_postage boolean not null default false,
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index commission_packages_default on commission_packages (is_default) where is_default;

create table sellers (
  id bigint generated always as identity primary key,
  business_name text not null,
  legal_business_name text,
  business_number text,
  email_address text not null,
  phone text,
  mobile text,
  email_cc text,
  store_description text,
  opening_hours text,
  delivery_details text,
  return_policy text,
  service_policy text,
  click_and_collect_policy text,
  contact_first_name text,
  contact_surname text,
  youtube_video_url text,
  address_id bigint references addresses,
  commission_package_id bigint references commission_packages,
  is_online boolean not null default true,
  is_retailer boolean not null default true,
  can_pay_out_refunds boolean not null default false,
  is_shown_online boolean not null default true,  -- what its adverts say: the sweep follows is_online
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index sellers_address on sellers (address_id) where address_id is not null;
create index sellers_commission_package on sellers (commission_package_id, id) where commission_package_id is not null;
create index sellers_to_follow on sellers (id) where is_online <> is_shown_online;

create table brands (
  id bigint generated always as identity primary key,
  name text not null unique,
  slug text not null unique,
  added_by bigint                       -- the seller who named it first; null: the operator
);
create index brands_added_by on brands (added_by) where added_by is not null;

create table taxons (
  id bigint generated always as identity primary key,
  parent_id bigint references taxons,
  display_name text not null,
  title text not null,
  url_slug text not null,
  tree_name text not null default '',   -- the names from the root down to this one; the triggers below keep it
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index taxons_parent on taxons (parent_id, id);

-- OFFSET 0: the taxons above are looked up one by one, as their index allows.
create function taxon_tree_name() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  if exists (
    with recursive above as (
      select new.parent_id as id
      union select t.parent_id from above a
        cross join lateral (select p.parent_id from taxons p where p.id = a.id offset 0) t
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

create function taxon_tree_names_below() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  update taxons set tree_name = '' where parent_id = new.id;  -- the trigger above names each of them anew
  return null;
end $$;
create trigger taxons_tree_names_below after update on taxons
  for each row when (old.tree_name is distinct from new.tree_name) execute function taxon_tree_names_below();

-- Each index below that is for a list of the API costs every write of its table. So the operator's lists have one for
-- each order. A seller's lists have one only for what is polled; their other orders sort the seller's own rows.
create table adverts (
  id bigint generated always as identity primary key,
  seller_id bigint not null references sellers,
  title text not null,
  description text,
  code text,
  condition text not null default 'NEW' check (condition in ('NEW', 'USED')),
  brand_id bigint references brands,
  taxon_id bigint references taxons,
  display_image_id bigint references images,
  is_published boolean not null default true,
  is_online boolean not null default true,
  is_vetted boolean not null default true,
  is_seller_online boolean not null default true, -- a copy; the trigger below and the sweep keep it
  tax_code text,
  product_features text[] not null default '{}',
  specifications text,
  promotion_text text,
  youtube_video_url text,
  origin_country_code text,
  gender text check (gender in ('UNISEX', 'MALE', 'FEMALE')),
  year integer check (year > 0),
  base_domestic_shipping_cost double precision check (base_domestic_shipping_cost >= 0),
  has_free_domestic_shipping boolean not null default false,
  vetting_rejected_reason text,         -- null: not rejected
  url text,
  deleted_at timestamptz,
  is_displayable boolean not null generated always as (
    is_published and is_online and is_vetted and is_seller_online and deleted_at is null) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index adverts_seller on adverts (seller_id, id);
create index adverts_brand on adverts (brand_id, id);
create index adverts_taxon on adverts (taxon_id, id);
create index adverts_updated on adverts (updated_at, id);
create index adverts_seller_updated on adverts (seller_id, updated_at, id);
create index adverts_created on adverts (created_at, id);
create index adverts_code on adverts (code, id) where code is not null;
create index adverts_title on adverts using gin (title gin_trgm_ops) with (fastupdate = off);
-- What is not approved, not published or not online: mostly few.
create index adverts_not_displayed on adverts (id, seller_id)
  where (is_published and is_online and is_vetted) is not true;

-- FOR SHARE: a seller that goes offline meanwhile waits, and its new advert is followed with the others.
create function advert_seller_online() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  new.is_seller_online := coalesce((select s.is_online from sellers s where s.id = new.seller_id for share), true);
  return new;
end $$;
create trigger adverts_seller_online before insert or update of seller_id on adverts
  for each row execute function advert_seller_online();

create table variants (
  id bigint generated always as identity primary key,
  advert_id bigint not null references adverts,
  seller_id bigint not null references sellers,
  label text not null,
  description text,
  sku text,
  barcode text,
  count_on_hand integer not null default 0 check (count_on_hand >= 0),
  has_infinite_quantity boolean not null default false,
  is_published boolean not null default true,
  price_cents bigint check (price_cents >= 0),
  sale_price_cents bigint check (sale_price_cents >= 0),
  sale_price_start_at timestamptz,
  sale_price_end_at timestamptz,
  wholesale_price_cents bigint check (wholesale_price_cents >= 0),
  recommended_retail_price_cents bigint check (recommended_retail_price_cents >= 0),
  wholesale_promo_price_cents bigint check (wholesale_promo_price_cents >= 0),
  wholesale_promo_price_start_at timestamptz,
  wholesale_promo_price_end_at timestamptz,
  -- The next three follow from other columns, rows and the time; the triggers below and the sweep keep them.
  is_advert_displayable boolean not null default true,
  is_on_sale boolean not null default false,
  sale_changes_at timestamptz,          -- when is_on_sale changes next; null: not by time
  min_purchase_quantity integer,
  max_purchase_quantity integer,
  pricing_model text not null default 'MARKETPLACE' check (pricing_model in ('MARKETPLACE', 'WHOLESALE')),
  currency text not null default 'AUD',
  tax_code text,
  notes text,
  url text,
  item_size double precision check (item_size > 0),
  item_unit text check (item_unit in (
    'MM', 'CM', 'M', 'MG', 'G', 'KG', 'ML', 'CL', 'L', 'KL', 'SQM', 'PACK', 'SHEET', 'EACH', 'MI', 'YD', 'FT',
    'IN', 'LB', 'OZ', 'GAL', 'QT', 'PT', 'C', 'FL_OZ', 'TBSP', 'TSP')),
  comparable_size double precision check (comparable_size > 0),
  comparable_unit text check (comparable_unit in (
    'MM', 'CM', 'M', 'MG', 'G', 'KG', 'ML', 'CL', 'L', 'KL', 'SQM', 'PACK', 'SHEET', 'EACH', 'MI', 'YD', 'FT',
    'IN', 'LB', 'OZ', 'GAL', 'QT', 'PT', 'C', 'FL_OZ', 'TBSP', 'TSP')),
  -- What its label says.
  ingredients text,
  allergen_contains text,
  allergen_may_contain text,
  nutrition_information text,
  directions text,
  storage_instructions text,
  intended_purpose text,
  suitable_for text,
  product_warnings text,
  health_warnings text,
  administrative_body_warning text,
  deleted_at timestamptz,
  -- What buyers see. Columns of their own, so that only what they say counts as a change, not what they are made of.
  is_displayable boolean not null generated always as (
    is_published and is_advert_displayable and deleted_at is null) stored,
  is_buyable boolean not null generated always as (
    is_published and is_advert_displayable and deleted_at is null
    and (has_infinite_quantity or count_on_hand > 0)) stored,
  lowest_price_cents bigint generated always as (
    case when is_on_sale then least(price_cents, sale_price_cents) else price_cents end) stored,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index variants_advert on variants (advert_id, id);
create index variants_seller on variants (seller_id, id);
create index variants_sku on variants (sku, id);
create index variants_barcode on variants (barcode, id);
create index variants_sale_changes on variants (sale_changes_at, id) where sale_changes_at is not null;

create function variant_advert_displayable() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  new.is_advert_displayable :=
    coalesce((select a.is_displayable from adverts a where a.id = new.advert_id for share), true);
  return new;
end $$;
create trigger variants_advert_displayable before insert or update of advert_id on variants
  for each row execute function variant_advert_displayable();

create function advert_variants_displayable() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  update variants set is_advert_displayable = new.is_displayable, updated_at = now()
  where advert_id = new.id and is_advert_displayable <> new.is_displayable;
  return null;
end $$;
create trigger adverts_variants_displayable after update on adverts
  for each row when (old.is_displayable <> new.is_displayable) execute function advert_variants_displayable();

create function variant_sale() returns trigger language plpgsql as $$
begin
  new.is_on_sale := new.sale_price_cents is not null
    and coalesce(new.sale_price_start_at <= now(), true) and coalesce(new.sale_price_end_at > now(), true);
  new.sale_changes_at := case when new.sale_price_cents is not null then least(
    case when new.sale_price_start_at > now() then new.sale_price_start_at end,
    case when new.sale_price_end_at > now() then new.sale_price_end_at end) end;
  return new;
end $$;
create trigger variants_sale_inserted before insert on variants
  for each row when (new.sale_price_cents is not null) execute function variant_sale();
create trigger variants_sale_updated before update on variants
  for each row when (new.sale_price_cents is not null or old.sale_price_cents is not null)
  execute function variant_sale();

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

-- A variant's stock is the inventory of its own seller. Whichever of the two somebody writes, the other one follows.
-- By `seller_id + 0` the planner can't take the index by seller: each row of a bulk change would read all inventories
-- of its seller.
create function inventory_of_variant() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  update inventories n set count_on_hand = new.count_on_hand, has_infinite_quantity = new.has_infinite_quantity
  where n.variant_id = new.id and n.seller_id + 0 = new.seller_id
    and (n.count_on_hand, n.has_infinite_quantity) <> (new.count_on_hand, new.has_infinite_quantity);
  return null;
end $$;
create trigger variants_inventory after update on variants for each row
  when ((old.count_on_hand, old.has_infinite_quantity, old.seller_id)
    <> (new.count_on_hand, new.has_infinite_quantity, new.seller_id))
  execute function inventory_of_variant();

create function variant_of_inventory() returns trigger language plpgsql set enable_seqscan = off as $$
begin
  update variants v set count_on_hand = new.count_on_hand, has_infinite_quantity = new.has_infinite_quantity,
    updated_at = now()
  where v.id = new.variant_id and v.seller_id + 0 = new.seller_id
    and (v.count_on_hand, v.has_infinite_quantity) <> (new.count_on_hand, new.has_infinite_quantity);
  return null;
end $$;
create trigger inventories_variant_stock after insert or update on inventories
  for each row execute function variant_of_inventory();

create table option_types (
  id bigint generated always as identity primary key,
  name text not null unique,
  display_name text not null,
  position integer not null default 0,
  field_type text not null check (field_type in ('SINGLE_SELECT', 'MULTI_SELECT', 'FREE_TEXT')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table option_values (
  id bigint generated always as identity primary key,
  option_type_id bigint not null references option_types,
  name text not null,
  display_name text not null,
  position integer not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (option_type_id, name)
);
create index option_values_type on option_values (option_type_id, id);

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
