"""Erase parts of the data of locked orders."""

from collections.abc import Sequence

from app.db.pool import Connection

_INVOICES = "(select id from invoices where order_id = any($1::bigint[]))"
_REQUESTS = f"(select id from refund_requests where invoice_id in {_INVOICES})"
#: The rows of an order that may have external ids and metadata: (type, ids).
_OWNERS = (
    ("Order", "any($1::bigint[])"),
    ("Invoice", f"any(array{_INVOICES})"),
    ("LineItem", f"any(array(select id from line_items where invoice_id in {_INVOICES}))"),
    ("Shipment", f"any(array(select id from shipments where invoice_id in {_INVOICES}))"),
    ("RefundRequest", f"any(array{_REQUESTS})"),
    (
        "RefundRequestLineItem",
        f"any(array(select id from refund_request_line_items where refund_request_id in {_REQUESTS}))",
    ),
    ("ReturnShipment", f"any(array(select id from return_shipments where refund_request_id in {_REQUESTS}))"),
)
_TEXTS = (
    "first_name",
    "surname",
    "phone",
    "email_address",
    "company_name",
    "billing_first_name",
    "billing_surname",
    "billing_phone",
    "billing_email_address",
    "billing_company_name",
    "message_to_seller",
    "message_to_gift_recipient",
    "expected_delivery_slot",
)
_COPIES = (
    "buyer_first_name",
    "buyer_surname",
    "buyer_phone",
    "buyer_email_address",
    "buyer_message_to_seller",
)


async def erase_details(conn: Connection, order_ids: Sequence[int]) -> None:
    """Erase who has bought, where it was sent, and what the payment service has said.

    An address that others use, such as a seller, stays.
    """
    addresses = await conn.fetch(
        "select address_id as id from orders where id = any($1::bigint[])"
        " union select billing_address_id from orders where id = any($1::bigint[])"
        f" union select shipping_address_id from invoices where id in {_INVOICES}"
        f" union select buyer_billing_address_id from invoices where id in {_INVOICES}",
        order_ids,
    )
    nothing = ", ".join(f"{name} = null" for name in (*_TEXTS, "address_id", "billing_address_id"))
    await conn.execute(f"update orders set {nothing} where id = any($1::bigint[])", order_ids)
    nothing = ", ".join(f"{name} = null" for name in (*_COPIES, "shipping_address_id", "buyer_billing_address_id"))
    await conn.execute(
        f"update invoices set {nothing}, updated_at = now() where order_id = any($1::bigint[])", order_ids
    )
    await conn.execute(
        "update payment_events set transaction_id = null, response_message = null where order_id = any($1::bigint[])",
        order_ids,
    )
    await conn.execute(
        "delete from addresses a where a.id = any($1::bigint[])"
        " and not exists (select from orders where address_id = a.id)"
        " and not exists (select from orders where billing_address_id = a.id)"
        " and not exists (select from invoices where shipping_address_id = a.id)"
        " and not exists (select from invoices where buyer_billing_address_id = a.id)"
        " and not exists (select from sellers where address_id = a.id)"
        " and not exists (select from shipments where shipped_from_id = a.id)",
        [row["id"] for row in addresses if row["id"] is not None],
    )


async def erase_notes(conn: Connection, order_ids: Sequence[int]) -> None:
    """Erase what people have written about the orders, with the images of notes and returns."""
    await conn.execute(
        "delete from images where owner_type = 'RefundRequestNote' and owner_id in"
        f" (select id from refund_request_notes where refund_request_id in {_REQUESTS})"
        " or owner_type = 'ReturnShipment' and owner_id in"
        f" (select id from return_shipments where refund_request_id in {_REQUESTS})",
        order_ids,
    )
    for statement in (
        "update refund_request_notes set note = null, author = null, ip_address = null"
        f" where refund_request_id in {_REQUESTS}",
        "update refund_request_line_items set reason = null, deny_refund_reason = null, description = null"
        f" where refund_request_id in {_REQUESTS}",
        f"update return_shipments set note = null, updated_at = now() where refund_request_id in {_REQUESTS}",
        f"update shipments set note = null, updated_at = now() where invoice_id in {_INVOICES}",
        f"delete from invoice_annotations where invoice_id in {_INVOICES}",
    ):
        await conn.execute(statement, order_ids)


async def erase_owned(conn: Connection, table: str, order_ids: Sequence[int]) -> None:
    """Erase the rows that orders and their parts own. `table`: external_ids or metadata."""
    for type_name, ids in _OWNERS:
        await conn.execute(f"delete from {table} where owner_type = '{type_name}' and owner_id = {ids}", order_ids)


async def mark_purged(conn: Connection, order_ids: Sequence[int]) -> None:
    """Note the time of the purge. A trigger lets workers erase stored bodies, too."""
    await conn.execute(
        "update orders set purged_at = now(), updated_at = now() where id = any($1::bigint[])", order_ids
    )
    await conn.execute(
        "update invoices set order_purged_at = now(), updated_at = now() where order_id = any($1::bigint[])", order_ids
    )
