from datetime import UTC, datetime

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.orders import OrderId
from app.marketplace.orders.domain.order import OrderStatus
from app.marketplace.orders.services.order_updates import OrderAttributes, OrderUpdate, update_order
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.orders import create_order

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _unpaid(conn: Connection, status: str = "PAYMENT_IN_PROGRESS") -> OrderId:
    """An order of two invoices, one of them cancelled, each of one line."""
    order = await create_order(conn, status=status)
    for flags in ([], ["CANCELLED"]):
        invoice = await create_invoice(conn, order_id=order.id, status_flags=flags, updated_at=LONG_AGO)
        await create_line_item(conn, invoice_id=invoice.id, status="CANCELLED" if flags else "NEW")
    return order.id


async def _invoices(conn: Connection) -> list[tuple[list[str], bool]]:
    rows = await conn.fetch("select status_flags, paid_at is not null as is_paid from invoices order by id")
    return [(row["status_flags"], row["is_paid"]) for row in rows]


async def test_an_order_that_is_paid_pays_its_invoices(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)

    order = await update_order(database, OPERATOR, OrderUpdate(order_id=order_id, status=OrderStatus.COMPLETE))

    assert order.status is OrderStatus.COMPLETE
    assert await _invoices(conn) == [(["PAID"], True), (["CANCELLED"], False)]
    statuses = await conn.fetch("select status from line_items order by id")
    assert [row["status"] for row in statuses] == ["ALLOCATED", "CANCELLED"]


async def test_a_review_and_its_end_show_on_the_invoices(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)
    seen = []

    for status in (OrderStatus.COMPLETE, OrderStatus.PENDING_REVIEW, OrderStatus.PAYMENT_FAILED):
        await update_order(database, OPERATOR, OrderUpdate(order_id=order_id, status=status))
        seen.append((await _invoices(conn))[0])

    assert seen == [(["PAID"], True), (["PAID", "PAYMENT_UNDER_REVIEW"], True), ([], False)]


async def test_refuses_a_status_that_can_not_follow(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn, "COMPLETE")

    with pytest.raises(Conflict) as caught:
        await update_order(database, OPERATOR, OrderUpdate(order_id=order_id, status=OrderStatus.ABANDONED))

    assert caught.value.fields == {"status": ["can't be ABANDONED after COMPLETE"]}
    assert await conn.fetchval("select status from orders") == "COMPLETE"


async def test_invoices_follow_the_buyers_details(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)
    attributes = OrderAttributes(first_name="Grace", email_address=None, company_name="Navy", message_to_seller="Ring")

    order = await update_order(database, OPERATOR, OrderUpdate(order_id=order_id, attributes=attributes))

    assert (order.first_name, order.email_address, order.company_name, order.surname) == (
        "Grace",
        None,
        "Navy",
        "Byron",
    )
    rows = await conn.fetch(
        "select buyer_first_name, buyer_surname, buyer_email_address, buyer_message_to_seller, status_flags"
        " from invoices order by id"
    )
    assert [tuple(row) for row in rows] == [
        ("Grace", "Byron", None, "Ring", []),
        ("Grace", "Byron", None, "Ring", ["CANCELLED"]),
    ]


async def test_what_invoices_have_no_copy_of_still_touches_them(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)

    await update_order(database, OPERATOR, OrderUpdate(order_id=order_id, attributes=OrderAttributes(is_gift=True)))

    assert await conn.fetchval("select min(updated_at) from invoices") > LONG_AGO


async def test_what_is_the_same_is_not_written(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)
    await conn.execute("delete from change_events")

    await update_order(
        database,
        OPERATOR,
        OrderUpdate(
            order_id=order_id, status=OrderStatus.PAYMENT_IN_PROGRESS, attributes=OrderAttributes(first_name="Ada")
        ),
    )

    assert await conn.fetchval("select count(*) from change_events") == 0
    assert await conn.fetchval("select max(updated_at) from invoices") == LONG_AGO


async def test_names_what_is_wrong(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)

    with pytest.raises(InvalidInput) as caught:
        await update_order(
            database,
            OPERATOR,
            OrderUpdate(order_id=order_id, attributes=OrderAttributes(is_gift=None, surname="\0")),
        )

    assert caught.value.fields == {
        "attributes.surname": ["must not contain the NUL character"],
        "attributes.is_gift": ["can't be null"],
    }


async def test_is_for_the_operator_and_orders_that_exist(conn: Connection, database: Database) -> None:
    order_id = await _unpaid(conn)
    seller = Viewer(SellerId(await conn.fetchval("select min(seller_id) from invoices")))

    with pytest.raises(Forbidden):
        await update_order(database, seller, OrderUpdate(order_id=order_id, status=OrderStatus.COMPLETE))
    with pytest.raises(NotFound) as caught:
        await update_order(database, OPERATOR, OrderUpdate(order_id=OrderId(order_id + 1)))

    assert caught.value.fields == {"order_id": ["there is no such order"]}
    assert await conn.fetchval("select status from orders") == "PAYMENT_IN_PROGRESS"
