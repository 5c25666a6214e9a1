"""A seller's webhook hears only of rows that the seller may see, though more of them are parts of its entities."""

from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.capture.row_changes import RowChange
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookKlass
from schema.entities import global_ids
from schema.stored.visible_changes import leave_out_hidden
from tests.builders.catalogue import create_inventory
from tests.builders.owned import create_external_id, create_image
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.outbox import MadeEvent, Publisher

EVERYTHING: dict[str, Any] = {"every_change": True, "allow_skip": False}


async def told(publisher: Publisher, *statements: str) -> list[MadeEvent]:
    """Run statements in one transaction, publish, and return the events that were made."""
    before = len(await publisher.publish())
    await publisher.skips()
    async with publisher.conn.transaction():
        for sql in statements:
            await publisher.conn.execute(sql)
    return (await publisher.publish())[before:]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"triggers": ["order"]},
        {"triggers": ["order.paymentEvents"], "filter": "event.changed.added.exists(p, p.startsWith('order.'))"},
    ],
)
async def test_a_seller_hears_nothing_of_its_order(publisher: Publisher, given: dict[str, Any]) -> None:
    sale = await create_sale(publisher.conn)
    query = "id order { isGift externalIds { value } paymentEvents { id } address { city } }"
    own = await publisher.subscribe(query, seller_id=sale.seller.id, **EVERYTHING, **given)
    operators = await publisher.subscribe(query, **EVERYTHING)

    made = await told(
        publisher,
        "update orders set is_gift = not is_gift",
        "insert into payment_events (order_id, amount_cents, currency, is_successful)"
        " select id, 4200, 'AUD', false from orders",
        "insert into external_ids (owner_type, owner_id, key, value) select 'Order', id, 'k', 'v' from orders",
    )

    assert {one.webhook_id for one in made} == {operators}
    assert [path.partition("[")[0] for path in made[0].changed["added"]] == ["order.paymentEvents", "order.externalIds"]
    assert own not in {webhook_id for webhook_id, _ in await publisher.skips()}


async def test_what_changed_together_is_told_without_what_the_seller_does_not_read(publisher: Publisher) -> None:
    sale = await create_sale(publisher.conn)
    own = await publisher.subscribe("totalCents order { isGift }", seller_id=sale.seller.id, **EVERYTHING)
    operators = await publisher.subscribe("totalCents order { isGift }", **EVERYTHING)

    made = await told(
        publisher, "update orders set is_gift = not is_gift", "update invoices set total_cents = total_cents + 1"
    )

    changed = {one.webhook_id: one.changed["updated"] for one in made}
    assert "order.isGift" in changed[operators]
    assert changed[own]
    assert [path for path in changed[own] if path.startswith("order")] == []


async def test_of_inventories_a_seller_hears_of_its_own_alone(publisher: Publisher) -> None:
    variant, other = await create_variant(publisher.conn), await create_seller(publisher.conn)
    own, others = [
        await create_inventory(publisher.conn, variant_id=variant.id, seller_id=seller_id)
        for seller_id in (variant.seller_id, other.id)
    ]
    query = "inventories { nodes { countOnHand } }"
    await publisher.subscribe(query, klass=WebhookKlass.VARIANT, seller_id=variant.seller_id, **EVERYTHING)

    of_the_other = await told(publisher, f"update inventories set count_on_hand = 7 where id = {others.id}")
    of_both = await told(publisher, "update inventories set count_on_hand = 8")
    gone = await told(publisher, f"delete from inventories where id = {others.id}")
    own_gone = await told(publisher, f"delete from inventories where id = {own.id}")

    path = f"inventories[{global_ids.encode('Inventory', own.id)}]"
    assert (of_the_other, gone) == ([], [])
    # The seller's own inventory is the variant's stock.
    assert [one.changed["updated"] for one in of_both] == [["countOnHand", f"{path}.countOnHand"]]
    assert [one.changed["removed"] for one in own_gone] == [[path]]


async def test_an_inventory_that_goes_to_another_seller_is_told_to_both(publisher: Publisher) -> None:
    variant, other = await create_variant(publisher.conn), await create_seller(publisher.conn)
    await create_inventory(publisher.conn, variant_id=variant.id, seller_id=variant.seller_id)
    query = "inventories { nodes { countOnHand } }"
    await publisher.subscribe(query, klass=WebhookKlass.VARIANT, seller_id=variant.seller_id, **EVERYTHING)

    left = await told(publisher, f"update inventories set seller_id = {other.id}")
    beyond = await told(publisher, "update inventories set count_on_hand = count_on_hand + 1")
    back = await told(publisher, f"update inventories set seller_id = {variant.seller_id}")

    assert [len(left), len(beyond), len(back)] == [1, 0, 1]


async def test_of_another_seller_s_variant_in_its_advert_a_seller_hears_nothing(publisher: Publisher) -> None:
    mine, other = await create_variant(publisher.conn), await create_seller(publisher.conn)
    theirs = await create_variant(publisher.conn, advert_id=mine.advert_id, seller_id=other.id)
    query = "variants { nodes { sku images { nodes { url } } } }"
    await publisher.subscribe(query, klass=WebhookKlass.ADVERT, seller_id=mine.seller_id, **EVERYTHING)

    hidden = await told(publisher, f"update variants set sku = 'x' where id = {theirs.id}")
    await create_image(publisher.conn, "Variant", theirs.id)
    pictures = await told(publisher)
    seen = await told(publisher, f"update variants set sku = 'x' where id = {mine.id}")

    assert (hidden, pictures) == ([], [])
    assert [one.changed["updated"][-1] for one in seen] == [f"variants[{global_ids.encode('Variant', mine.id)}].sku"]


async def test_an_external_id_of_the_invoice_is_told_and_one_of_its_order_is_not(publisher: Publisher) -> None:
    sale = await create_sale(publisher.conn)
    await publisher.subscribe("externalIds { value }", seller_id=sale.seller.id, **EVERYTHING)
    await publisher.publish()

    await create_external_id(publisher.conn, "Order", sale.order.id)
    of_the_order = await told(publisher)
    before = len(await publisher.made())
    await create_external_id(publisher.conn, "Invoice", sale.invoice.id)
    of_the_invoice = (await publisher.publish())[before:]

    assert of_the_order == []
    assert [path.partition("[")[0] for one in of_the_invoice for path in one.changed["added"]] == ["externalIds"]


def test_of_changes_that_were_missed_the_hidden_ones_are_left_out() -> None:
    rows = [
        RowChange("invoices", 1, (), "u", ("total_cents",)),
        RowChange("payment_events", 2, (), "i", (), ("orders", "payment_events")),
        RowChange("external_ids", 3, (), "i", (), ("orders", "external_ids")),
    ]
    columns = frozenset({"invoices.total_cents", "payment_events.*", "external_ids.*", "orders/invoices.total_cents"})
    seller = Viewer(SellerId(1))

    assert leave_out_hidden(seller, columns, rows, is_cut=False) == (frozenset({"invoices.total_cents"}), rows[:1])
    assert leave_out_hidden(seller, columns, rows, is_cut=True).columns == {"invoices.total_cents", "external_ids.*"}
    assert leave_out_hidden(OPERATOR, columns, rows, is_cut=False) == (columns, rows)
