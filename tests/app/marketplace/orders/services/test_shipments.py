import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import InvalidInput, NotFound
from app.marketplace.orders.db.invoices import Invoice, LineItem
from app.marketplace.orders.db.shipments import ShipmentCarrierId
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType
from app.marketplace.orders.services.shipments import NewShipment, NewShippedItem, create_shipment
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment_carrier

DISPATCHED_AT = datetime.now(UTC)


async def _invoice(conn: Connection, *quantities: int, **overrides: Any) -> tuple[Invoice, list[LineItem]]:
    invoice = await create_invoice(conn, **overrides)
    lines = [
        await create_line_item(conn, invoice_id=invoice.id, quantity=quantity, quantity_returnable=0)
        for quantity in quantities
    ]
    return invoice, lines


async def _shipment(conn: Connection, invoice: Invoice, *items: tuple[LineItem, int], **overrides: Any) -> NewShipment:
    values = {
        "invoice_id": invoice.id,
        "dispatched_at": DISPATCHED_AT,
        "postage_carrier_id": (await create_shipment_carrier(conn)).id,
        "tracking_number": "A 1",
        "shipped_items": [NewShippedItem(line_item_id=line.id, quantity=n) for line, n in items],
    }
    return NewShipment(**{**values, **overrides})


async def _flags(conn: Connection, invoice: Invoice) -> list[str]:
    flags: list[str] = await conn.fetchval("select status_flags from invoices where id = $1", invoice.id)
    return flags


async def _quantities(conn: Connection, line: LineItem) -> tuple[int, int]:
    row = await conn.fetchrow(
        "select quantity_awaiting_dispatch, quantity_returnable from line_items where id = $1", line.id
    )
    assert row is not None
    return row[0], row[1]


async def _refused(conn: Connection, database: Database, given: NewShipment) -> dict[str, list[str]]:
    """Return the problems of a shipment, which then leaves no trace."""
    with pytest.raises(InvalidInput) as caught:
        await create_shipment(database, OPERATOR, given)
    assert await conn.fetchval("select count(*) from shipments") == 0
    assert await conn.fetchval("select count(*) from shipped_items") == 0
    return {field: list(messages) for field, messages in caught.value.fields.items()}


async def test_sends_a_part_and_then_the_rest(conn: Connection, database: Database) -> None:
    invoice, (first, second) = await _invoice(conn, 2, 1)

    await create_shipment(database, OPERATOR, await _shipment(conn, invoice, (first, 1)))
    after_part = (await _quantities(conn, first), await _flags(conn, invoice))
    await create_shipment(database, OPERATOR, await _shipment(conn, invoice, (first, 1), (second, 1)))

    assert after_part == ((1, 1), ["PAID", "PARTIALLY_SENT"])
    assert (await _quantities(conn, first), await _quantities(conn, second)) == ((0, 2), (0, 1))
    assert await _flags(conn, invoice) == ["PAID", "SENT"]


async def test_an_unpaid_invoice_is_not_sent(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, 1, status_flags=[])

    problems = await _refused(conn, database, await _shipment(conn, invoice, (line, 1)))

    assert problems == {"invoice_id": ["is not paid: nothing is sent yet"]}
    assert (await _quantities(conn, line), await _flags(conn, invoice)) == ((1, 0), [])


async def test_keeps_what_the_shipment_is(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, 2)
    carrier = await create_shipment_carrier(
        conn, name="Fast", tracking_link_template="https://fast.example/{trackingNumber}"
    )
    given = await _shipment(conn, invoice, (line, 1), (line, 1), postage_carrier_id=carrier.id, note="Two boxes")

    shipment = await create_shipment(database, Viewer(invoice.seller_id), given)

    assert (shipment.carrier_id, shipment.carrier, shipment.tracking_number) == (carrier.id, "Fast", "A 1")
    assert shipment.tracking_link == "https://fast.example/A%201"
    assert (shipment.dispatched_at, shipment.note) == (DISPATCHED_AT, "Two boxes")
    items = await conn.fetch("select line_item_id, quantity from shipped_items order by id")
    assert [tuple(item) for item in items] == [(line.id, 1), (line.id, 1)]
    assert await _quantities(conn, line) == (0, 2)


async def test_tells_everything_that_is_wrong_at_once(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, 2, status_flags=[InvoiceStatusFlag.CANCELLED])
    _, (other,) = await _invoice(conn, 1, delivery_type=DeliveryType.NO_DISPATCH)
    given = await _shipment(
        conn,
        invoice,
        (line, 1),
        (line, 2),
        (other, 1),
        (line, 0),
        (line, -1),
        dispatched_at=datetime(2001, 1, 1, tzinfo=UTC),
        postage_carrier_id=ShipmentCarrierId(-1),
    )

    problems = await _refused(conn, database, given)

    assert problems.pop("dispatched_at")[0].startswith("must not be before the order, ")
    assert problems == {
        "invoice_id": ["is cancelled or refunded: nothing is sent any more"],
        "shipped_items.1.quantity": ["is more than await dispatch: 1"],
        "shipped_items.2.line_item_id": ["there is no such line item on this invoice"],
        "shipped_items.3.quantity": ["must be at least 1"],
        "shipped_items.4.quantity": ["must be at least 1"],
        "postage_carrier_id": ["there is no such carrier"],
    }
    assert await _quantities(conn, line) == (2, 0)


async def test_refuses_an_empty_parcel_and_what_is_not_sent(conn: Connection, database: Database) -> None:
    invoice, _ = await _invoice(conn, 1, delivery_type=DeliveryType.NO_DISPATCH)

    assert await _refused(conn, database, await _shipment(conn, invoice)) == {
        "invoice_id": ["needs no dispatch: nothing is sent"],
        "shipped_items": ["must not be empty"],
    }
    assert await _refused(conn, database, await _shipment(conn, invoice, tracking_number=" ")) == {
        "tracking_number": ["must not be blank"]
    }


async def test_another_sellers_invoice_is_not_there(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, 1)
    other = await create_seller(conn)
    given = await _shipment(conn, invoice, (line, 1))

    with pytest.raises(NotFound) as caught:
        await create_shipment(database, Viewer(other.id), given)

    assert caught.value.fields == {"invoice_id": ["there is no such invoice"]}
    assert await _quantities(conn, line) == (1, 0)


async def test_two_parcels_at_once_do_not_send_an_item_twice(conn: Connection, database: Database) -> None:
    invoice, (line,) = await _invoice(conn, 3)
    parcels = [await _shipment(conn, invoice, (line, 1)) for _ in range(8)]

    results = await asyncio.gather(
        *(create_shipment(database, OPERATOR, parcel) for parcel in parcels), return_exceptions=True
    )

    assert sum(isinstance(result, InvalidInput) for result in results) == 5
    assert await _quantities(conn, line) == (0, 3)
    assert await conn.fetchval("select sum(quantity) from shipped_items") == 3
    assert await _flags(conn, invoice) == ["PAID", "SENT"]
