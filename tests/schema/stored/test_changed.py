"""`changed` of a notification: exact paths, for what each kind of change records."""

from collections.abc import Collection
from typing import Any

import pytest

from app.auth.viewers import OPERATOR
from app.capture.captured import CAPTURED
from app.capture.change_events import claim_batch, mark_published
from app.db.pool import Connection
from app.webhooks.domain.changed import MAX_JOINED, join_changes
from schema import schema
from schema.entities import global_ids
from schema.stored.changed import describe_changes
from schema.stored.graph import path_to
from tests.builders.catalogue import create_inventory
from tests.builders.invoices import create_line_item
from tests.builders.sales import Sale, create_sale
from tests.builders.shipments import create_shipment, create_shipped_item
from tests.support.outbox import WATCHED_TYPES, fold_entities, recorded


async def described(conn: Connection, types: Collection[str] = WATCHED_TYPES) -> dict[str, Any]:
    """`changed` by entity type, of all that waits."""
    found = {}
    async with conn.transaction():
        while events := await claim_batch(conn, limit=1000):
            for change in fold_entities(events):
                if change.entity_type not in types:
                    continue
                found[change.entity_type] = describe_changes(
                    schema._schema, OPERATOR, change.entity_type, change.changes, is_cut=change.is_cut
                )
            await mark_published(conn, [event.id for event in events])
    return found


async def a_sale(conn: Connection) -> Sale:
    sale = await create_sale(conn)
    await recorded(conn)
    return sale


def updated(*paths: str) -> dict[str, list[str]]:
    return {"added": [], "updated": list(paths), "removed": []}


@pytest.mark.parametrize(
    ("entity_type", "table", "depth"),
    [
        (root.entity_type, captured.table, 1 + len(root.parents))
        for captured in CAPTURED
        for root in captured.roots
        if not root.is_self and root.entity_type in WATCHED_TYPES and not getattr(root, "way", ())
    ],
)
def test_the_schema_shows_every_captured_table_below_its_entity(entity_type: str, table: str, depth: int) -> None:
    assert path_to(schema._schema, entity_type, table, depth)


async def test_line_item_update(conn: Connection) -> None:
    sale = await a_sale(conn)

    await conn.execute("update line_items set quantity_awaiting_dispatch = 0, updated_at = now() + interval '1 h'")

    line = f"lineItems[{sale.id_of('line_item')}]"
    assert await described(conn) == {
        "Invoice": updated(f"{line}.quantityAwaitingDispatch", f"{line}.statusFull"),
    }


async def test_shipment_with_shipped_items_added(conn: Connection) -> None:
    sale = await a_sale(conn)

    shipment = await create_shipment(conn, invoice_id=sale.invoice.id)
    item = await create_shipped_item(conn, shipment_id=shipment.id, line_item_id=sale.line_item.id)
    await conn.execute("update shipments set note = 'late' where id = $1", shipment.id)

    path = f"shipments[{global_ids.encode('Shipment', shipment.id)}]"
    item_path = f"{path}.shippedItems[{global_ids.encode('ShippedItem', item.id)}]"
    assert await described(conn) == {"Invoice": {"added": [path, item_path], "updated": [], "removed": []}}


async def test_order_surname(conn: Connection) -> None:
    await a_sale(conn)

    await conn.execute("update orders set surname = 'King'")

    assert await described(conn) == {"Invoice": updated("order.surname")}


async def test_refund_request_line_from_both_sides(conn: Connection) -> None:
    sale = await a_sale(conn)

    await conn.execute("update refund_request_line_items set reason = 'broken'")

    line = f"lineItems[{sale.id_of('refund_request_line_item')}].reason"
    assert await described(conn) == {
        "RefundRequest": updated(line),
        "Invoice": updated(f"refundRequests[{sale.id_of('refund_request')}].{line}"),
    }


async def test_note_and_amendment_line(conn: Connection) -> None:
    sale = await a_sale(conn)

    await conn.execute("update refund_request_notes set note = 'x'")
    await conn.execute("update invoice_amendment_line_items set custom = null, quantity = 3")

    note = f"notes[{sale.id_of('refund_request_note')}].note"
    line = f"lineItems[{sale.id_of('invoice_amendment_line_item')}].quantity"
    noted_line = f"lineItems[{sale.id_of('refund_request_line_item')}].{note}"
    request = f"refundRequests[{sale.id_of('refund_request')}]"
    assert await described(conn) == {
        "RefundRequest": updated(note, noted_line),
        "Invoice": updated(
            f"{request}.{note}",
            f"{request}.{noted_line}",
            f"amendments[{sale.id_of('invoice_amendment')}].{line}",
        ),
    }


async def test_advert_title_seen_from_its_variant(conn: Connection) -> None:
    await a_sale(conn)

    await conn.execute("update adverts set title = 'Pot'")

    assert await described(conn) == {"Variant": updated("advert.title", "advert.fullTitle")}


async def test_what_a_row_decides_above_it_and_beside_it_is_named(conn: Connection) -> None:
    sale = await a_sale(conn)
    inventory = await create_inventory(conn, variant_id=sale.variant.id, price_cents=100)
    await recorded(conn)

    await conn.execute("update inventories set price_cents = 5")
    price = await described(conn, ("Variant",))
    await conn.execute("update variants set sale_price_cents = 7")
    lowest = await described(conn, ("Variant", "Advert"))
    await conn.execute("update adverts set is_published = false")
    other_type = await described(conn, ("Variant",))

    path = f"inventories[{global_ids.encode('Inventory', inventory.id)}].price"
    assert price == {"Variant": updated(path)}
    assert lowest["Variant"]["updated"][0] == "advert.lowestPrice"
    assert lowest["Advert"]["updated"][0] == "lowestPrice"
    assert {"advert", "displayable", "buyable"} <= {*other_type["Variant"]["updated"]}


async def test_own_columns_and_a_removed_child(conn: Connection) -> None:
    sale = await a_sale(conn)

    await conn.execute("update invoices set status_flags = '{PAID,SENT}'")
    await conn.execute("delete from shipped_items")

    path = f"shipments[{sale.id_of('shipment')}].shippedItems[{sale.id_of('shipped_item')}]"
    assert await described(conn) == {
        "Invoice": {
            "added": [],
            "updated": [
                "order.aggregateInvoiceStatus",
                "order.aggregateInvoiceStatusFinal",
                "statusFlags",
                "status",
            ],
            "removed": [path],
        }
    }


async def test_added_and_removed_again_is_not_named(conn: Connection) -> None:
    sale = await a_sale(conn)

    line = await create_line_item(conn, invoice_id=sale.invoice.id)
    await conn.execute("update line_items set quantity_returnable = 0 where id = $1", line.id)
    await conn.execute("delete from line_items where id = $1", line.id)

    assert await described(conn) == {"Invoice": updated()}


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        (("now()", "null"), "added"),
        # Its end counts, and that it was there before.
        (("now()", "null", "now()"), "removed"),
    ],
)
async def test_removed_and_restored_is_named_by_where_it_ends(
    conn: Connection, steps: tuple[str, ...], kind: str
) -> None:
    sale = await a_sale(conn)

    for deleted_at in steps:
        await conn.execute(f"update variants set deleted_at = {deleted_at}")

    assert await described(conn, ("Advert",)) == {
        "Advert": {
            **updated("lowestPrice", "lowestPriceCents", "lowestOriginalPrice", "lowestOriginalPriceCents"),
            kind: [f"variants[{sale.id_of('variant')}]"],
        }
    }


async def test_a_bulk_change_is_cut(conn: Connection) -> None:
    sale = await a_sale(conn)
    lines = [sale.line_item, *[await create_line_item(conn, invoice_id=sale.invoice.id) for _ in range(60)]]
    await recorded(conn)

    await conn.execute("update line_items set quantity_returnable = 0")

    named = [f"lineItems[{global_ids.encode('LineItem', line.id)}].quantityReturnable" for line in lines[:50]]
    assert await described(conn) == {"Invoice": {**updated(*named), "cut": True}}


async def test_a_line_that_moves_is_removed_here_and_added_there(conn: Connection) -> None:
    here, there = await create_sale(conn), await create_sale(conn)
    await conn.execute("delete from shipped_items")
    await recorded(conn)

    await conn.execute("update line_items set invoice_id = $1 where id = $2", there.invoice.id, here.line_item.id)

    path = f"lineItems[{here.id_of('line_item')}]"
    by_id = {}
    async with conn.transaction():
        while events := await claim_batch(conn, limit=10):
            for change in fold_entities(events):
                if change.entity_type == "Invoice":
                    by_id[change.entity_id] = describe_changes(
                        schema._schema, OPERATOR, "Invoice", change.changes, is_cut=change.is_cut
                    )
            await mark_published(conn, [event.id for event in events])
    assert by_id[here.invoice.id] == {"added": [], "updated": [], "removed": [path]}
    assert by_id[there.invoice.id] == {"added": [path], "updated": [], "removed": []}


def test_two_events_together_say_what_each_has_said() -> None:
    first = {"added": ["a[1]", "a[2]"], "updated": ["x", "b[1].y", "b[2].y"], "removed": ["c[1]"]}
    second = {"added": ["c[1]"], "updated": ["x", "z", "a[2].y"], "removed": ["a[1]", "b[1]"]}

    assert join_changes(first, second) == {
        "added": ["a[2]", "c[1]"],
        "updated": ["x", "b[2].y", "z"],
        "removed": ["a[1]", "b[1]"],
    }


def test_what_many_events_say_together_is_cut_to_the_latest() -> None:
    names = [f"x{number}" for number in range(MAX_JOINED + 1)]

    joined = join_changes(updated(*names[:-1]), updated(names[-1]))

    assert joined == {**updated(*names[1:]), "cut": True}
    assert join_changes({**updated("x"), "cut": True}, updated("y")) == {**updated("x", "y"), "cut": True}
