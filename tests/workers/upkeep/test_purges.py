"""A purge erases a buyer's data wherever it was stored; the audit keeps that it happened."""

from typing import Any

import asyncpg

from app.webhooks.db.runs.purges import AT_ONCE, erase_step
from schema.entities.global_ids import decode, encode
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.variants import create_variant
from tests.support.platform import Platform

#: Is in each text that a buyer, or somebody about the buyer, has given.
MARK = "S3cret"
ADDRESS = {"address": MARK, "city": MARK, "postcode": MARK, "country": {"code": "AU"}}
OWNED = [{"key": "k", "value": MARK}]


async def _tables_with_mark(conn: asyncpg.Connection) -> set[str]:
    """Return the tables with a row that has the mark in any of its columns, as text or as bytes."""
    names = await conn.fetch(
        "select c.oid::regclass::text as name from pg_class c where c.relkind = 'r'"
        " and c.relnamespace = 'public'::regnamespace"
    )
    found = set()
    for (name,) in names:
        marks = f"t::text like '%{MARK}%' or t::text like '%' || encode('{MARK}', 'hex') || '%'"
        if await conn.fetchval(f"select exists (select from {name} t where {marks})"):
            found.add(name)
    return found


async def _buy(api: Platform) -> tuple[str, int]:
    """Buy, annotate and ask for a refund, with the mark in each text. Return the order and the invoice's key."""
    variant = await create_variant(api.conn, count_on_hand=5)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "externalIds": OWNED, "metadata": OWNED}
    texts = ("firstName", "surname", "phone", "emailAddress", "companyName", "messageToSeller", "expectedDeliverySlot")
    billing = ("billingFirstName", "billingSurname", "billingPhone", "billingEmailAddress", "billingCompanyName")
    made = await api.mutate(
        "orderCreate",
        "order { id invoices { nodes { id lineItems { id } } } }",
        order={
            **dict.fromkeys((*texts, *billing, "messageToGiftRecipient"), MARK),
            "address": ADDRESS,
            "billingAddress": ADDRESS,
            "externalIds": OWNED,
            "metadata": OWNED,
            "paymentEvents": [{"amountCents": 100, "successful": True, "transactionId": MARK, "responseMessage": MARK}],
        },
        lineItems=[line],
    )
    (invoice,) = made["order"]["invoices"]["nodes"]
    of = await api.mutate(
        "invoiceAnnotationTypeCreate",
        "invoiceAnnotationType { id }",
        attributes={"name": "Call", "description": "Calls"},
    )
    await api.mutate(
        "invoiceAnnotationCreate",
        "invoiceAnnotation { id }",
        invoiceId=invoice["id"],
        invoiceAnnotationTypeId=of["invoiceAnnotationType"]["id"],
        content=MARK,
    )
    await api.mutate(
        "refundRequestCreate",
        "refundRequest { id }",
        invoiceId=invoice["id"],
        lineItems=[{"lineItemId": invoice["lineItems"][0]["id"], "quantity": 1, "reason": MARK}],
        notes=[{"note": MARK, "attachments": [{"sourceUrl": f"https://images.example/{MARK}"}]}],
    )
    return made["order"]["id"], decode(invoice["id"])[1]


async def _store(conn: asyncpg.Connection, event_id: int, body: bytes) -> None:
    """Let an event have a body, and an attempt whose answer repeats it."""
    await conn.execute("insert into payloads (digest, body) values (sha256($1), $1) on conflict do nothing", body)
    await conn.execute("update webhook_events set payload_digest = sha256($2) where id = $1", event_id, body)
    await conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, status, finished_at, response_body)"
        " select webhook_id, id, 1, 200, now(), $2 from webhook_events where id = $1",
        event_id,
        body,
    )


async def _erase(conn: asyncpg.Connection) -> int:
    steps = 0
    while await erase_step(conn):
        steps += 1
    return steps


async def _purge(api: Platform, order: str, **parts: Any) -> Any:
    every = ("purgeOrderDetails", "purgeNotes", "purgeExternalIds", "purgeMetadata")
    given: dict[str, Any] = {**(parts or dict.fromkeys(every, True))}
    return await api.mutate("purgeOrderData", "", orderIds=[order], **given)


async def test_a_purge_reaches_all_that_is_stored(api: Platform) -> None:
    order, invoice = await _buy(api)
    webhook = await create_subscription(api.conn, "http://127.0.0.1:9/")
    (sent,) = await create_due_events(api.conn, webhook, state="DELIVERED", first_entity=invoice)
    (others,) = await create_due_events(api.conn, webhook, state="DELIVERED", first_entity=invoice + 1)
    await _store(api.conn, sent, f"{{{MARK}}}".encode())
    await _store(api.conn, others, b"{another}")
    before = await _tables_with_mark(api.conn)

    purged = await _purge(api, order)
    await _erase(api.conn)

    assert len(before) >= 12, before
    assert purged == {"status": 200, "errors": None}
    assert await _tables_with_mark(api.conn) == set()
    assert await api.conn.fetchval("select count(*) from payloads where body = '{another}'") == 1
    assert await api.conn.fetchval("select count(*) from delivery_attempts where response_body is not null") == 1
    told = await api.data(
        "query($id: ID!) { order(orderId: $id) { purgedAt totalCents invoices { nodes { orderPurgedAt } } } }",
        {"id": order},
    )
    assert told["order"]["purgedAt"] is not None
    assert told["order"]["invoices"]["nodes"] == [{"orderPurgedAt": told["order"]["purgedAt"]}]
    entry = await api.conn.fetchrow("select action, fields from audit_entries order by id desc limit 1")
    assert entry is not None
    assert entry["action"] == "purgeOrderData"


async def test_what_waits_is_sent_and_then_erased(api: Platform) -> None:
    order, invoice = await _buy(api)
    webhook = await create_subscription(api.conn, "http://127.0.0.1:9/")
    (waiting,) = await create_due_events(api.conn, webhook, state="RETRYING", first_entity=invoice)
    await _store(api.conn, waiting, f"{{{MARK}}}".encode())
    await _purge(api, order)
    await _erase(api.conn)
    kept = await api.conn.fetchval("select count(*) from payloads where body like '%S3cret%'")
    await api.conn.execute("update webhook_events set state = 'DELIVERED' where id = $1", waiting)
    later = "update purged_entities set due_at = now(), until = now() - interval '1 s'"
    await api.conn.execute(later)
    await api.conn.execute("update webhook_events set created_at = now() - interval '1 hour' where id = $1", waiting)
    await _erase(api.conn)

    assert kept == 1
    assert await _tables_with_mark(api.conn) == set()
    assert await api.conn.fetchval("select count(*) from purged_entities") == 0


async def test_a_long_history_is_erased_by_steps(api: Platform) -> None:
    order, invoice = await _buy(api)
    webhook = await create_subscription(api.conn, "http://127.0.0.1:9/")
    await create_due_events(api.conn, webhook, 2 * AT_ONCE + 1, state="DELIVERED", first_entity=10**6)
    body = f"{{{MARK}}}".encode()
    await api.conn.execute("insert into payloads (digest, body) values (sha256($1), $1)", body)
    await api.conn.execute("update webhook_events set entity_id = $1, payload_digest = sha256($2)", invoice, body)
    await _purge(api, order)
    entities = await api.conn.fetchval("select count(*) from purged_entities")

    steps = await _erase(api.conn)

    assert steps == entities + 2
    assert await _tables_with_mark(api.conn) == set()


async def test_a_purge_of_nothing_and_by_a_seller_is_refused(api: Platform) -> None:
    order, _ = await _buy(api)
    seller = await api.seller_key(await api.conn.fetchval("select seller_id from invoices"))

    nothing = await _purge(api, order, purgeNotes=False)
    unknown = await _purge(api, encode("Order", 99), purgeNotes=True)
    by_seller = await api.mutate("purgeOrderData", "", key=seller, orderIds=[order], purgeNotes=True)

    assert (nothing["status"], nothing["errors"][0]["field"]) == (422, "purgeOrderDetails")
    assert (unknown["status"], unknown["errors"][0]["field"]) == (422, "orderIds.0")
    assert by_seller["status"] == 403
    assert await api.conn.fetchval("select purged_at from orders") is None
