"""Many rows of one table at once, as copies of its first row."""

from collections.abc import Mapping

from app.db.pool import Connection

#: What must differ from row to row.
_UNIQUE = {
    "orders": "token",
    "external_ids": "key",
    "metadata": "key",
    "option_types": "name",
    "option_values": "name",
    "commission_packages": "name",
}
#: Of each captured table: an assignment that changes every row.
CHANGES = {
    "orders": "surname = surname || 'x'",
    "invoices": "buyer_surname = buyer_surname || 'x'",
    "line_items": "advert_title = advert_title || 'x'",
    "shipments": "tracking_number = tracking_number || 'x'",
    "shipped_items": "quantity = quantity + 1",
    "shipment_statuses": "created_at = created_at + interval '1 s'",
    "payment_events": "amount_cents = amount_cents + 1",
    "adjustments": "amount_cents = amount_cents + 1",
    "invoice_annotations": "content = content || 'x'",
    "invoice_amendments": "tax_cents = tax_cents + 1",
    "invoice_amendment_line_items": "amount_cents = amount_cents + 1",
    "refund_requests": "currency = currency || 'x'",
    "refund_request_line_items": "amount_cents = amount_cents + 1",
    "refund_request_notes": "new_status = new_status || 'x'",
    "return_shipments": "tracking_number = tracking_number || 'x'",
    "return_shipped_items": "quantity = quantity + 1",
    "return_shipment_statuses": "created_at = created_at + interval '1 s'",
    "adverts": "title = title || 'x'",
    "variants": "label = label || 'x'",
    "sellers": "business_name = business_name || 'x'",
    "advert_option_values": "option_value_id = null, text_value = coalesce(text_value, '') || 'x'",
    "variant_option_values": "option_value_id = null, text_value = coalesce(text_value, '') || 'x'",
    "inventories": "count_on_hand = count_on_hand + 1",
    "images": "url = url || 'x'",
    "external_ids": "value = value || 'x'",
    "metadata": "value = value || 'x'",
    "addresses": "city = city || 'x'",
    "taxons": "title = title || 'x'",
    "option_types": "display_name = display_name || 'x'",
    "option_values": "display_name = display_name || 'x'",
    "remittance_advices": "payment_reference = coalesce(payment_reference, '') || 'x'",
    "remittances": "amount_cents = amount_cents + 1",
    "commission_packages": "rate = rate + 1",
}


async def columns_of(conn: Connection, table: str) -> list[str]:
    """All columns but the key and generated ones."""
    rows = await conn.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0 and not attisdropped"
        " and attname <> 'id' and attgenerated = '' order by attnum",
        table,
    )
    return [row["attname"] for row in rows]


async def insert_copies(conn: Connection, table: str, number: int, parents: Mapping[str, str] | None = None) -> range:
    """Insert copies of the table's first row.

    Args:
        parents: Column → the table that it points to, each copy to another row of the last `number` ones.

    Returns:
        The new rows' ids.
    """
    of = {column: f"(select max(id) from {above}) - g + 1" for column, above in (parents or {}).items()}
    of |= {column: "gen_random_uuid()::text" for name, column in _UNIQUE.items() if name == table}
    columns = await columns_of(conn, table)
    # One kind of images alone may be many.
    which = "where kind = 'GALLERY'" if table == "images" else ""
    rows = await conn.fetch(
        f"insert into {table} ({', '.join(columns)}) select {', '.join(of.get(name, f't.{name}') for name in columns)}"
        f" from (select * from {table} {which} order by id limit 1) t, generate_series(1, {number}) g returning id"
    )
    return range(min(row["id"] for row in rows), max(row["id"] for row in rows) + 1)
