import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Conflict, NotFound
from app.marketplace.orders.db.invoices import InvoiceId
from app.marketplace.orders.domain.invoice import InvoiceClickAndCollectStatus
from app.marketplace.orders.services.click_and_collect import update_collection
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sellers import create_seller

READY, COLLECTED = InvoiceClickAndCollectStatus.READY, InvoiceClickAndCollectStatus.COLLECTED


async def _invoice(conn: Connection, *flags: str, delivery_type: str = "CLICK_AND_COLLECT") -> InvoiceId:
    invoice = await create_invoice(conn, delivery_type=delivery_type, status_flags=["PAID", *flags])
    await create_line_item(conn, invoice_id=invoice.id, quantity=3, quantity_awaiting_dispatch=2, quantity_returnable=1)
    return invoice.id


async def _quantities(conn: Connection) -> tuple[int, int]:
    row = await conn.fetchrow("select quantity_awaiting_dispatch, quantity_returnable from line_items")
    assert row is not None
    return row[0], row[1]


async def test_items_lie_ready_and_are_collected(conn: Connection, database: Database) -> None:
    invoice_id = await _invoice(conn)

    ready = await update_collection(database, OPERATOR, invoice_id, READY)
    while_ready = await _quantities(conn)
    collected = await update_collection(database, OPERATOR, invoice_id, COLLECTED)

    assert (ready.status_flags, while_ready) == (("PAID", "READY"), (2, 1))
    assert (collected.status_flags, await _quantities(conn)) == (("PAID", "COLLECTED"), (0, 3))


@pytest.mark.parametrize("status", InvoiceClickAndCollectStatus)
async def test_noted_twice_is_noted_once(
    conn: Connection, database: Database, status: InvoiceClickAndCollectStatus
) -> None:
    invoice_id = await _invoice(conn)
    await update_collection(database, OPERATOR, invoice_id, status)
    await conn.execute("delete from change_events")

    await update_collection(database, OPERATOR, invoice_id, status)

    assert await conn.fetchval("select count(*) from change_events") == 0


@pytest.mark.parametrize(
    ("flags", "delivery_type", "status", "message"),
    [
        ([], "BUY_ONLINE", READY, "is not collected by the buyer"),
        ([], "NO_DISPATCH", COLLECTED, "is not collected by the buyer"),
        (["CANCELLED"], "CLICK_AND_COLLECT", READY, "is cancelled or refunded: nothing is collected any more"),
        (["REFUNDED"], "CLICK_AND_COLLECT", COLLECTED, "is cancelled or refunded: nothing is collected any more"),
        (["COLLECTED"], "CLICK_AND_COLLECT", READY, "has been collected already"),
    ],
)
async def test_refuses_what_is_not_to_be_collected(
    conn: Connection,
    database: Database,
    flags: list[str],
    delivery_type: str,
    status: InvoiceClickAndCollectStatus,
    message: str,
) -> None:
    invoice_id = await _invoice(conn, *flags, delivery_type=delivery_type)

    with pytest.raises(Conflict) as caught:
        await update_collection(database, OPERATOR, invoice_id, status)

    assert caught.value.fields == {"invoice_id": [message]}
    assert await conn.fetchval("select status_flags from invoices") == ["PAID", *flags]
    assert await _quantities(conn) == (2, 1)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["READY"], "is not paid"),
        (["PAID", "PAYMENT_UNDER_REVIEW", "READY"], "has a payment that is under review"),
    ],
)
async def test_an_unpaid_invoice_can_be_ready_but_not_collected(
    conn: Connection, database: Database, flags: list[str], message: str
) -> None:
    invoice = await create_invoice(
        conn, delivery_type="CLICK_AND_COLLECT", status_flags=[flag for flag in flags if flag != "READY"]
    )
    await create_line_item(conn, invoice_id=invoice.id, quantity=1, quantity_returnable=0)

    ready = await update_collection(database, OPERATOR, invoice.id, READY)
    with pytest.raises(Conflict) as caught:
        await update_collection(database, OPERATOR, invoice.id, COLLECTED)

    assert ready.status_flags == tuple(flags)
    assert caught.value.fields == {"invoice_id": [message]}
    assert await _quantities(conn) == (1, 0)


async def test_another_sellers_invoice_is_not_there(conn: Connection, database: Database) -> None:
    invoice_id = await _invoice(conn)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound):
        await update_collection(database, other, invoice_id, READY)

    assert await conn.fetchval("select status_flags from invoices") == ["PAID"]
