import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Forbidden, InvalidInput
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, Invoice, LineItem
from app.marketplace.orders.db.orders import OrderId
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, OrderStatus
from app.marketplace.orders.services.new_orders import NewInvoice, NewLineItem, NewOrder, NewPurchase
from app.marketplace.orders.services.orders import create_order
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant


def _purchase(*lines: NewLineItem, status: OrderStatus = OrderStatus.COMPLETE) -> NewPurchase:
    return NewPurchase(order=NewOrder(first_name="Ada", status=status), line_items=lines)


NOT_SHOWN = "is not for sale: buyers can't see the variant, its advert or its seller"


async def _invoices(conn: Connection, order_id: OrderId) -> list[Invoice]:
    sql = f"select {INVOICES.select_list('i')} from invoices i where i.order_id = $1 order by i.id"
    return INVOICES.rows(await conn.fetch(sql, order_id))


async def _line_items(conn: Connection) -> list[LineItem]:
    sql = f"select {LINE_ITEMS.select_list('l')} from line_items l order by l.id"
    return LINE_ITEMS.rows(await conn.fetch(sql))


async def _stock(conn: Connection, variant_id: VariantId) -> int:
    return int(await conn.fetchval("select count_on_hand from variants where id = $1", variant_id))


async def _refused(conn: Connection, database: Database, given: NewPurchase) -> dict[str, list[str]]:
    """Return the problems of a purchase, which then leaves no trace."""
    before = await conn.fetchval("select sum(count_on_hand) from variants")
    with pytest.raises(InvalidInput) as caught:
        await create_order(database, OPERATOR, given)
    assert await conn.fetchval("select count(*) from orders") == 0
    assert await conn.fetchval("select count(*) from invoices") == 0
    assert await conn.fetchval("select sum(count_on_hand) from variants") == before
    return {field: list(messages) for field, messages in caught.value.fields.items()}


async def test_splits_lines_into_one_invoice_per_seller_and_delivery_type(conn: Connection, database: Database) -> None:
    first = await create_variant(conn, price_cents=1100)
    second = await create_variant(conn, price_cents=500)

    order = await create_order(
        database,
        OPERATOR,
        _purchase(
            NewLineItem(variant_id=second.id, quantity=1),
            NewLineItem(variant_id=first.id, quantity=2, tax_rate=0.1, postage_cents=550),
            NewLineItem(variant_id=first.id, quantity=1, delivery_type=DeliveryType.CLICK_AND_COLLECT),
        ),
    )

    invoices = await _invoices(conn, order.id)
    found = [(each.seller_id, each.delivery_type, each.total_cents) for each in invoices]
    assert found == [
        (first.seller_id, DeliveryType.BUY_ONLINE, 2750),
        (first.seller_id, DeliveryType.CLICK_AND_COLLECT, 1100),
        (second.seller_id, DeliveryType.BUY_ONLINE, 500),
    ]
    bill = invoices[0]
    assert (bill.subtotal_cents, bill.shipping_cost_cents, bill.tax_rate) == (2200, 550, 0.1)
    assert (bill.tax_total_cents, bill.tax_shipping_cents) == (250, 50)
    assert (order.subtotal_cents, order.shipping_cost_cents, order.tax_total_cents) == (3800, 550, 250)
    assert (order.total_cents, order.currency) == (4350, "AUD")


async def test_copies_what_is_bought_and_takes_it_from_stock(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn, title="Kettle", code="K-1")
    variant = await create_variant(conn, advert_id=advert.id, label="Blue", sku="K-BLUE", barcode="978")

    order = await create_order(
        database, OPERATOR, _purchase(NewLineItem(variant_id=variant.id, quantity=3, item_amount_cents=700))
    )

    (invoice,) = await _invoices(conn, order.id)
    (line,) = await _line_items(conn)
    assert (line.advert_id, line.advert_title, line.advert_code) == (advert.id, "Kettle", "K-1")
    assert (line.variant_id, line.variant_name) == (variant.id, "Blue")
    assert (line.variant_sku, line.variant_barcode) == ("K-BLUE", "978")
    assert (line.quantity, line.quantity_awaiting_dispatch, line.quantity_returnable) == (3, 3, 0)
    assert (line.item_amount_cents, line.total_cents, line.status) == (700, 2100, LineItemStatus.ALLOCATED)
    assert (invoice.status_flags, invoice.paid_at) == ((InvoiceStatusFlag.PAID,), order.created_at)
    assert invoice.buyer_first_name == "Ada"
    assert await _stock(conn, variant.id) == 7


async def test_takes_nothing_from_an_infinite_stock(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, count_on_hand=0, has_infinite_quantity=True)

    await create_order(database, OPERATOR, _purchase(NewLineItem(variant_id=variant.id, quantity=1000)))

    assert await _stock(conn, variant.id) == 0


async def test_an_order_that_is_not_complete_is_not_paid(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)

    order = await create_order(
        database,
        OPERATOR,
        _purchase(NewLineItem(variant_id=variant.id, quantity=1), status=OrderStatus.PAYMENT_IN_PROGRESS),
    )

    (invoice,) = await _invoices(conn, order.id)
    assert (invoice.status_flags, invoice.paid_at) == ((), None)


async def test_what_needs_no_dispatch_is_returnable_at_once(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)
    line = NewLineItem(variant_id=variant.id, quantity=2, delivery_type=DeliveryType.NO_DISPATCH)

    await create_order(database, OPERATOR, _purchase(line))

    (item,) = await _line_items(conn)
    assert (item.quantity_awaiting_dispatch, item.quantity_returnable) == (0, 2)


async def test_sells_at_the_running_sale_price(conn: Connection, database: Database) -> None:
    start = datetime.now(UTC) - timedelta(days=1)
    variant = await create_variant(conn, price_cents=1000, sale_price_cents=800, sale_price_start_at=start)

    order = await create_order(database, OPERATOR, _purchase(NewLineItem(variant_id=variant.id, quantity=1)))

    assert order.total_cents == 800


async def test_invoices_can_be_given_with_their_shipping(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, price_cents=1000)
    invoice = NewInvoice(
        seller_id=variant.seller_id,
        shipping_description="Express",
        shipping_cost_cents=1100,
        tax_rate=0.1,
        line_items=[NewLineItem(variant_id=variant.id, quantity=1)],
    )

    order = await create_order(database, OPERATOR, NewPurchase(order=NewOrder(), invoices=[invoice]))

    (made,) = await _invoices(conn, order.id)
    assert (made.shipping_description, made.shipping_cost_cents, made.total_cents) == ("Express", 1100, 2100)
    assert (made.tax_shipping_cents, made.tax_total_cents) == (100, 191)


async def test_tells_every_wrong_line_at_once(conn: Connection, database: Database) -> None:
    rare = await create_variant(conn, count_on_hand=1)
    hidden = await create_variant(conn, is_published=False)
    gone = await create_variant(conn, deleted_at=datetime.now(UTC))
    limited = await create_variant(conn, min_purchase_quantity=2, max_purchase_quantity=3)
    foreign = await create_variant(conn, currency="NZD", price_cents=None)
    unpublished = await create_variant(conn, advert_id=(await create_advert(conn, is_published=False)).id)

    problems = await _refused(
        conn,
        database,
        _purchase(
            NewLineItem(variant_id=rare.id, quantity=2),
            NewLineItem(variant_id=hidden.id, quantity=1),
            NewLineItem(variant_id=gone.id, quantity=1),
            NewLineItem(variant_id=limited.id, quantity=1),
            NewLineItem(variant_id=foreign.id, quantity=1),
            NewLineItem(variant_id=unpublished.id, quantity=1),
        ),
    )

    assert problems == {
        "line_items.0.quantity": ["only 1 in stock"],
        "line_items.1.variant_id": [NOT_SHOWN],
        "line_items.2.variant_id": ["there is no such variant"],
        "line_items.3.quantity": ["at least 2 have to be bought"],
        "line_items.4.item_amount_cents": ["is required: the variant has no price"],
        "line_items.4.variant_id": ["is sold in NZD, other items of the order in AUD"],
        "line_items.5.variant_id": [NOT_SHOWN],
    }


async def test_counts_two_lines_of_one_variant_together(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, count_on_hand=10)
    line = NewLineItem(variant_id=variant.id, quantity=6)

    problems = await _refused(conn, database, _purchase(line, line))

    assert problems == {
        "line_items.0.quantity": ["only 10 in stock"],
        "line_items.1.quantity": ["only 10 in stock"],
    }


async def test_refuses_amounts_and_texts_that_do_not_fit(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, has_infinite_quantity=True, price_cents=2**62)
    line = NewLineItem(variant_id=variant.id, quantity=2)
    half = NewLineItem(variant_id=variant.id, quantity=1)

    assert await _refused(conn, database, _purchase(line)) == {
        "line_items.0.quantity": ["makes an amount that is too large"]
    }
    assert await _refused(conn, database, _purchase(half, half)) == {"base": ["the order's total is too large"]}
    order = NewOrder(first_name="A\x00", surname="\ud800", phone="1" * 501)
    assert await _refused(conn, database, NewPurchase(order=order, line_items=[half])) == {
        "order.first_name": ["must not contain the NUL character"],
        "order.surname": ["must not contain half of a surrogate pair"],
        "order.phone": ["must not be longer than 500 characters"],
    }


async def test_refuses_forms_that_are_no_purchase(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)
    other = await create_seller(conn)
    line = NewLineItem(variant_id=variant.id, quantity=0, tax_rate=10, postage_cents=-1)
    good = NewLineItem(variant_id=variant.id, quantity=1)
    invoice = NewInvoice(seller_id=other.id, line_items=[good])

    assert await _refused(conn, database, NewPurchase(order=NewOrder())) == {
        "line_items": ["give either line items or invoices"]
    }
    assert await _refused(conn, database, _purchase()) == {"line_items": ["must not be empty"]}
    assert await _refused(conn, database, _purchase(line)) == {
        "line_items.0.quantity": ["must be at least 1"],
        "line_items.0.postage_cents": ["must not be negative"],
        "line_items.0.tax_rate": ["must be a fraction from 0 to 1: 10 % is 0.1"],
    }
    assert await _refused(conn, database, NewPurchase(order=NewOrder(), invoices=[invoice])) == {
        "invoices.0.line_items.0.variant_id": ["there is no such variant of this seller"]
    }
    assert await _refused(conn, database, NewPurchase(order=NewOrder(), invoices=[invoice, invoice])) == {
        "invoices.1": ["has the seller and delivery type of an invoice before: put their lines together"]
    }


async def test_is_for_the_operator_only(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)

    with pytest.raises(Forbidden):
        await create_order(
            database, Viewer(variant.seller_id), _purchase(NewLineItem(variant_id=variant.id, quantity=1))
        )

    assert await _stock(conn, variant.id) == 10


async def test_fifty_buyers_of_the_last_ten_leave_nothing_and_no_less(conn: Connection, database: Database) -> None:
    variants = [await create_variant(conn, count_on_hand=10) for _ in range(2)]
    # Half of them name the variants the other way round, which deadlocks unless locked in key order.
    lines = [NewLineItem(variant_id=variant.id, quantity=1) for variant in variants]
    purchases = [_purchase(*lines[:: 1 if number % 2 else -1]) for number in range(50)]

    results = await asyncio.gather(
        *(create_order(database, OPERATOR, purchase) for purchase in purchases), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(refused) == 40
    assert all(
        isinstance(error, InvalidInput)
        and error.fields == {"line_items.0.quantity": ["only 0 in stock"], "line_items.1.quantity": ["only 0 in stock"]}
        for error in refused
    )
    assert [await _stock(conn, variant.id) for variant in variants] == [0, 0]
    assert await conn.fetchval("select sum(quantity) from line_items") == 20


async def test_is_captured_for_the_invoice_and_the_variant_with_the_actor(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)
    await conn.execute("delete from change_events")

    order = await create_order(
        database,
        OPERATOR,
        _purchase(*(NewLineItem(variant_id=variant.id, quantity=1) for _ in range(3))),
    )

    (invoice,) = await _invoices(conn, order.id)
    events = await conn.fetch("select distinct entity_type, entity_id, actor from change_events order by entity_type")
    assert [tuple(event) for event in events] == [
        ("Advert", variant.advert_id, "operator"),
        ("Invoice", invoice.id, "operator"),
        ("Order", order.id, "operator"),
        ("Variant", variant.id, "operator"),
    ]
