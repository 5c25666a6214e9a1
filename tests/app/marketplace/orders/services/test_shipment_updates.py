from datetime import UTC, datetime, timedelta

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import InvalidInput, NotFound
from app.marketplace.orders.db.shipments import Shipment, ShipmentCarrierId
from app.marketplace.orders.services.shipment_updates import ShipmentUpdate, update_shipment
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment, create_shipment_carrier

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _shipment(conn: Connection) -> Shipment:
    carrier = await create_shipment_carrier(conn, name="Slow", tracking_link_template="https://slow/{trackingNumber}")
    invoice = await create_invoice(conn, updated_at=LONG_AGO)
    return await create_shipment(conn, invoice_id=invoice.id, carrier_id=carrier.id, carrier="Slow", note="Fragile")


async def test_the_link_follows_carrier_and_number(conn: Connection, database: Database) -> None:
    shipment = await _shipment(conn)
    fast = await create_shipment_carrier(conn, name="Fast", tracking_link_template="https://fast/{trackingNumber}")

    numbered = await update_shipment(database, OPERATOR, ShipmentUpdate(shipment_id=shipment.id, tracking_number="T 2"))
    carried = await update_shipment(
        database, OPERATOR, ShipmentUpdate(shipment_id=shipment.id, postage_carrier_id=fast.id, note=None)
    )

    assert (numbered.carrier, numbered.tracking_link, numbered.note) == ("Slow", "https://slow/T%202", "Fragile")
    assert (carried.carrier, carried.carrier_id, carried.tracking_link) == ("Fast", fast.id, "https://fast/T%202")
    assert carried.note is None
    assert await conn.fetchval("select updated_at from invoices") > LONG_AGO


async def test_what_is_the_same_is_not_written(conn: Connection, database: Database) -> None:
    shipment = await _shipment(conn)
    await conn.execute("update shipments set tracking_link = 'https://slow/TRACK-1'")
    await conn.execute("delete from change_events")

    await update_shipment(
        database,
        OPERATOR,
        ShipmentUpdate(shipment_id=shipment.id, tracking_number="TRACK-1", note="Fragile"),
    )

    assert await conn.fetchval("select count(*) from change_events") == 0
    assert await conn.fetchval("select updated_at from invoices") == LONG_AGO


async def test_names_what_is_wrong(conn: Connection, database: Database) -> None:
    shipment = await _shipment(conn)
    ordered_at = await conn.fetchval("select created_at from orders")

    with pytest.raises(InvalidInput) as forms:
        await update_shipment(
            database,
            OPERATOR,
            ShipmentUpdate(shipment_id=shipment.id, tracking_number=" ", dispatched_at=None, postage_carrier_id=None),
        )
    too_early = ShipmentUpdate(shipment_id=shipment.id, dispatched_at=ordered_at - timedelta(days=2))
    with pytest.raises(InvalidInput) as early:
        await update_shipment(database, OPERATOR, too_early)
    unknown = ShipmentUpdate(shipment_id=shipment.id, postage_carrier_id=ShipmentCarrierId(10**9))
    with pytest.raises(InvalidInput) as carrier:
        await update_shipment(database, OPERATOR, unknown)

    assert forms.value.fields == {
        "postage_carrier_id": ["can't be null"],
        "dispatched_at": ["can't be null"],
        "tracking_number": ["must not be blank"],
    }
    assert early.value.fields == {"dispatched_at": [f"must not be before the order, {ordered_at.isoformat()}"]}
    assert carrier.value.fields == {"postage_carrier_id": ["there is no such carrier"]}


async def test_another_sellers_shipment_is_not_there(conn: Connection, database: Database) -> None:
    shipment = await _shipment(conn)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as caught:
        await update_shipment(database, other, ShipmentUpdate(shipment_id=shipment.id, note="Mine"))

    assert caught.value.fields == {"shipment_id": ["there is no such shipment"]}
    assert await conn.fetchval("select note from shipments") == "Fragile"
