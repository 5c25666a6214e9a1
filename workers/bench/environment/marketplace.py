"""Create equal sales, so that each event costs the same; and define the queries about them."""

from collections.abc import Sequence

from app.db.pool import Connection

#: 40 leaves of one invoice over six relations.
INVOICE_FIELDS = """
  id legacyId statusFlags deliveryType buyerFirstName buyerSurname buyerEmailAddress paidAt remittedAt
  totalCents subtotalCents taxTotalCents
  order { id firstName surname emailAddress }
  seller { businessName emailAddress }
  lineItems { id quantity quantityAwaitingDispatch status advertTitle variantSku totalCents }
  shipments { carrier trackingNumber dispatchedAt shippedItems { quantity } }
  refundRequests { id status initiatedBy }
"""
STORED_QUERY = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {INVOICE_FIELDS} }} }} }}"
#: 66 leaves of each of twenty invoices.
PAGE_QUERY = """
  { invoices(first: 20) { nodes {
    id legacyId createdAt updatedAt statusFlags deliveryType buyerFirstName buyerSurname buyerEmailAddress
    paidAt totalCents totalFormatted subtotalCents taxTotalCents shippingCostCents
    order { id legacyId status firstName surname emailAddress totalCents createdAt }
    lineItems {
      id quantity quantityAwaitingDispatch quantityReturnable status statusFull advertTitle variantName variantSku
      itemAmountCents totalCents totalFormatted
    }
    shipments { id carrier trackingNumber trackingLink dispatchedAt note shippedItems { id quantity } }
    refundRequests { id status initiatedBy totalCents createdAt lineItems { id quantity status reason } }
  } } }
"""

_SELLERS = 20
#: Each invoice has two lines. Both are sent in one shipment, and a refund is requested of the first.
_STATEMENTS = (
    """
    insert into adverts (id, seller_id, title) overriding system value
    select n, n, 'Kettle ' || n from generate_series(1, 20) n on conflict do nothing
    """,
    """
    insert into orders (id, token, status, first_name, surname, email_address, total_cents, subtotal_cents, currency)
    overriding system value
    select n, 'bench-' || n, 'COMPLETE', 'Ada', 'Byron', 'ada@buyers.example', 4000, 4000, 'AUD' from unnest($1) n
    """,
    """
    insert into invoices (id, order_id, seller_id, delivery_type, status_flags, buyer_first_name, buyer_surname,
      buyer_email_address, paid_at, total_cents, subtotal_cents, currency)
    overriding system value
    select n, n, n % 20 + 1, 'BUY_ONLINE', '{PAID,SENT}', 'Ada', 'Byron', 'ada@buyers.example', now(), 4000, 4000, 'AUD'
    from unnest($1) n
    """,
    """
    insert into line_items (id, invoice_id, advert_id, advert_title, variant_name, variant_sku, quantity,
      quantity_awaiting_dispatch, quantity_returnable, item_amount_cents, total_cents, subtotal_cents, currency)
    overriding system value
    select 2 * n + k, n, n % 20 + 1, 'Kettle', 'Red', 'K-RED', 2, 0, 2, 1000, 2000, 2000, 'AUD'
    from unnest($1) n cross join generate_series(0, 1) k
    """,
    """
    insert into shipments (id, invoice_id, carrier, tracking_number) overriding system value
    select n, n, 'Post', 'T-' || n from unnest($1) n
    """,
    """
    insert into shipped_items (shipment_id, line_item_id, quantity)
    select n, 2 * n + k, 2 from unnest($1) n cross join generate_series(0, 1) k
    """,
    """
    insert into refund_requests (id, invoice_id, status, initiated_by, currency) overriding system value
    select n, n, 'AWAITING', 'BUYER', 'AUD' from unnest($1) n
    """,
    """
    insert into refund_request_line_items (refund_request_id, line_item_id, quantity, status, amount_cents,
      amount_per_item_cents, currency)
    select n, 2 * n, 1, 'AWAITING_RETURN', 1000, 1000, 'AUD' from unnest($1) n
    """,
)


async def create_sellers(conn: Connection, count: int = _SELLERS) -> None:
    """Create the sellers 1 to `count`, unless they exist."""
    await conn.execute(
        "insert into sellers (id, business_name, email_address) overriding system value"
        " select n, 'Shop ' || n, 'orders@shop.example' from generate_series(1, $1::bigint) n on conflict do nothing",
        count,
    )


async def create_invoices(conn: Connection, ids: Sequence[int]) -> None:
    """Create invoices with these ids, each with an order, lines, a shipment and a refund request."""
    await create_sellers(conn)
    await conn.execute(_STATEMENTS[0])
    for statement in _STATEMENTS[1:]:
        await conn.execute(statement.replace("$1", "$1::bigint[]"), list(ids))
    await forget_changes(conn)


async def forget_changes(conn: Connection) -> None:
    """Delete the change events, as if they had been published long ago."""
    await conn.execute("truncate change_events")
    await conn.execute("analyze")


async def change(conn: Connection, ids: Sequence[int]) -> None:
    """Give each of these invoices a new total, in one statement."""
    await conn.execute("update invoices set total_cents = total_cents + 1 where id = any($1::bigint[])", list(ids))
