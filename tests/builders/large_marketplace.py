"""A marketplace with a past: so many invoices of a year, and what lies around them, made by few statements."""

from app.db.pool import Connection

#: The first one has a tenth of all rows, each other one about as many as the next.
SELLERS = 400
#: The address and a part of the surname of buyers who have a few invoices each.
BUYER, NAME = "buyer-77@example.org", "28dd2c79"

_SELLERS = """
insert into commission_packages (name, rate) select 'Package ' || n, 0.1 from generate_series(1, 20) n;
insert into sellers (business_name, email_address, commission_package_id, is_online)
  select 'Seller ' || n, 'seller-' || n || '@example.org', 1 + n % 20, n % 50 > 0 from generate_series(1, {sellers}) n;
insert into brands (name, slug) select 'Brand ' || n, 'brand-' || n from generate_series(1, 500) n;
insert into taxons (parent_id, display_name, title, url_slug)
  select case when n > 20 then 1 + n % 20 end, 'Taxon ' || n, 'Taxon ' || n, 'taxon-' || n
  from generate_series(1, 300) n;
insert into countries (name, iso) select 'Country ' || n, 'C' || n from generate_series(1, 200) n;
insert into option_types (name, display_name, field_type)
  select 'Option ' || n, 'Option ' || n, 'FREE_TEXT' from generate_series(1, 200) n;
insert into tax_codes (code, name) select 'T' || n, 'Tax ' || n from generate_series(1, 200) n;
insert into shipment_carriers (name) select 'Carrier ' || n from generate_series(1, 200) n;
"""
# Of a catalogue, most is displayed; a little is not vetted, not online, or deleted.
_CATALOGUE = """
insert into adverts (seller_id, title, description, code, condition, brand_id, taxon_id, is_published, is_online,
    is_vetted, deleted_at, created_at, updated_at)
  select {seller}, 'Kettle ' || md5(n::text), repeat('A kettle. ', 20), 'K-' || n,
    case when n % 997 = 0 then 'USED' else 'NEW' end, 1 + n % 499, 1 + n % 299, n % 499 > 0, n % 503 > 0, n % 509 > 0,
    case when n % 101 = 0 then {now} end, {created}, {created} + n % 31 * interval '1 d'
  from generate_series(1, {adverts}) n, lateral (select {begun} + n * {step} * 5 as at) made;
insert into variants (advert_id, seller_id, label, sku, barcode, count_on_hand, has_infinite_quantity, price_cents,
    created_at, updated_at)
  select 1 + n % {adverts}, (select a.seller_id from adverts a where a.id = 1 + n % {adverts}), 'Red ' || n,
    'SKU-' || n, '97' || lpad(n::text, 11, '0'), case when n % 251 = 0 then 0 when n % 509 = 0 then 5000
      else 1 + n % 90 end, n % 499 = 0, 1000, {begun}, {begun}
  from generate_series(1, {adverts} * 3) n;
"""
# An invoice for each order. Nearly all are sent; what awaits something is of the last weeks, or rare.
_ORDERS = """
insert into orders (token, status, first_name, surname, email_address, total_cents, subtotal_cents, currency,
    created_at, updated_at)
  select n::text, 'COMPLETE', 'Ada', 'Byron', 'a@example.org', 1, 1, 'AUD', {created}, {updated}
  from generate_series(1, {invoices}) n, lateral (select {begun} + n * {step} as at) made;
insert into invoices (order_id, seller_id, delivery_type, status_flags, buyer_first_name, buyer_surname,
    buyer_email_address, total_cents, subtotal_cents, currency, created_at, updated_at, paid_at, remitted_at,
    shipping_description)
  select n, {seller}, case when n % 50 = 0 then 'CLICK_AND_COLLECT' else 'BUY_ONLINE' end,
    case when n % 100 = 0 then array['PAID', 'SENT', 'CANCELLED'] when n % 101 = 0 then array['PAID', 'REFUNDED']
      when n % 4001 = 0 then array['PAID', 'PAYMENT_UNDER_REVIEW'] when n % 211 = 0 then array['PAID', 'PARTIALLY_SENT']
      when n % 307 = 0 then '{{}}' when n % 401 = 0 then array['PAID', 'SENT', 'AWAITING_RETURN']
      when n % 50 = 0 and n % 150 = 0 then array['PAID', 'READY'] when n % 50 = 0 then array['PAID', 'COLLECTED']
      when n > {invoices} * 0.97 then array['PAID'] else array['PAID', 'SENT'] end,
    'Ada', initcap(left(md5((n % 20000)::text), 8)), 'buyer-' || n % 40000 || '@example.org', 1, 1, 'AUD',
    {created}, {updated}, case when n % 307 > 0 then {created} + interval '5 min' end,
    case when n < {invoices} * 0.7 then {created} + interval '40 d' end, repeat('x', n % 100)
  from generate_series(1, {invoices}) n, lateral (select {begun} + n * {step} as at) made;
insert into line_items (invoice_id, advert_id, variant_id, advert_title, quantity, quantity_awaiting_dispatch,
    quantity_returnable, item_amount_cents, total_cents, subtotal_cents, currency)
  select i.id, 1, 1, 'Kettle', 1, case when i.status_flags in (array['PAID'], array['PAID', 'PARTIALLY_SENT'])
    then 1 else 0 end, 1, 1, 1, 1, 'AUD'
  from invoices i, generate_series(1, 1 + i.id % 2) n;
insert into external_ids (owner_type, owner_id, key, value)
  select of.type, n, 'erp', of.type || '-' || n
  from generate_series(1, {invoices}) n,
    (values ('Order', 1), ('Invoice', 5), ('Variant', 2), ('Advert', 9)) of(type, each)
  where n % of.each = 0;
insert into invoice_annotation_types (name, description) select 'Type ' || n, 'x' from generate_series(1, 9) n;
insert into invoice_annotations (invoice_id, invoice_annotation_type_id, content)
  select n, 1 + n / 10 % 9, 'x' from generate_series(1, {invoices}, 10) n;
"""
# One invoice in twenty has a refund request and what follows of it.
_REFUNDS = """
insert into refund_requests (invoice_id, seller_id, status, initiated_by, currency, refunded_at, created_at, updated_at)
  select i.id, i.seller_id, case when i.id % 211 = 0 then 'DENIED' when i.id > {invoices} * 0.95 then 'AWAITING'
    else 'REFUNDED' end, 'BUYER', 'AUD', case when i.id < {invoices} * 0.9 then i.created_at + interval '9 d' end,
    i.created_at + interval '3 d', i.created_at + interval '9 d' from invoices i where i.id % 19 = 8;
insert into refund_request_line_items (refund_request_id, custom, quantity, status, amount_cents,
    amount_per_item_cents, currency)
  select r.id, 'x', 1, case when r.id % 503 = 0 then 'REFUND_ACCEPTED'
    when r.status = 'AWAITING' then 'AWAITING_RETURN' else 'REFUNDED' end, 1, 1, 'AUD' from refund_requests r;
insert into invoice_amendments (invoice_id, seller_id, refund_request_id, total_cents, currency, remitted_at,
    created_at, updated_at)
  select r.invoice_id, r.seller_id, r.id, -1, 'AUD', r.updated_at + interval '30 d', r.updated_at,
    r.updated_at + interval '1 d' from refund_requests r where r.status = 'REFUNDED';
insert into remittance_advices (seller_id, total_cents, currency, payment_reference, paid_at, created_at)
  select 1 + n % {sellers}, 1, 'AUD', 'REF-' || n, case when n % 50 > 0 then {begun} + n * {step} * 50 end,
    {begun} + n * {step} * 50
  from generate_series(1, {invoices} / 50) n;
insert into remittances (seller_id, invoice_id, remittance_advice_id, amount_cents, commission_amount_cents, currency,
    released_at, created_at)
  select i.seller_id, i.id, case when i.remitted_at is not null then 1 + i.id % ({invoices} / 50) end, 1, 0, 'AUD',
    i.remitted_at, i.paid_at from invoices i where i.paid_at is not null order by i.paid_at;
insert into remittances (seller_id, invoice_id, invoice_amendment_id, amount_cents, commission_amount_cents, currency,
    created_at)
  select i.seller_id, i.id, a.id, 1, 0, 'AUD', a.created_at
  from invoice_amendments a join invoices i on i.id = a.invoice_id;
"""


async def create_large_marketplace(conn: Connection, *, invoices: int, is_analyzed: bool = True) -> None:
    """Fill an empty database, whose ids begin with 1. Its triggers are off from then on, so that nobody is told."""
    parts = {
        "invoices": str(invoices),
        "adverts": str(invoices // 10),
        "sellers": str(SELLERS),
        "seller": f"case when n % 10 = 0 then 1 else 2 + n % {SELLERS - 1} end",
        "now": "timestamptz '2026-10-01Z'",
        "begun": "timestamptz '2025-10-01Z'",
        "step": f"(interval '365 d' / {invoices})",
        "created": "made.at",
        # A few are changed long after all others of their time.
        "updated": "made.at + case when n % 211 = 0 then interval '200 d' else n % 15 * interval '1 d' end",
    }
    filled = await conn.fetch(
        "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
    )
    async with conn.transaction():
        # Capturing these changes would take longer than making them.
        for table in filled:
            await conn.execute(f"alter table {table['relname']} disable trigger user")
        for statements in (_SELLERS, _CATALOGUE, _ORDERS, _REFUNDS):
            await conn.execute(statements.format(**parts))
    if is_analyzed:
        await conn.execute("vacuum analyze")
