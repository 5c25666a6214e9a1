"""Changes of the marketplace by time: sales, adverts of sellers that went offline, unpaid orders."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.auth.viewers import OPERATOR
from app.errors import Conflict, InvalidInput
from app.marketplace.catalogue.db.adverts import follow_seller
from app.marketplace.orders.domain.order import DeliveryType, OrderStatus
from app.marketplace.orders.services.new_orders import NewLineItem, NewOrder, NewPurchase
from app.marketplace.orders.services.order_updates import OrderUpdate, update_order
from app.marketplace.orders.services.orders import create_order
from tests.builders.adverts import create_advert
from tests.builders.variants import create_variant
from tests.support.platform import settings_for
from workers.resources import Resources, open_resources
from workers.upkeep.due_changes import make_due_changes


async def _changes(conn: asyncpg.Connection) -> list[tuple[str, int, list[str]]]:
    """Return type, id and columns of the recorded changes, and forget them."""
    rows = await conn.fetch("delete from change_events returning entity_type, entity_id, columns")
    return sorted((row[0], row[1], sorted(row[2])) for row in rows)


async def _variant(conn: asyncpg.Connection, columns: str) -> tuple[Any, ...]:
    row = await conn.fetchrow(f"select {columns} from variants order by id limit 1")
    assert row is not None
    return tuple(row)


async def _sweep_until_sale(resources: Resources, conn: asyncpg.Connection, *, is_on: bool) -> None:
    async with asyncio.timeout(60):
        while await _variant(conn, "is_on_sale") != (is_on,):
            await make_due_changes(resources)


async def test_a_sale_begins_and_ends_by_time_and_is_recorded(conn: asyncpg.Connection, database_url: str) -> None:
    variant = await create_variant(conn, price_cents=1000, sale_price_cents=800)
    at_once = (variant.is_on_sale, variant.sale_changes_at)
    await conn.execute("update variants set sale_price_start_at = now() + interval '0.2 s'")
    before = await _variant(conn, "is_on_sale, sale_changes_at = sale_price_start_at")
    await _changes(conn)
    async with open_resources(settings_for(database_url)) as resources:
        await _sweep_until_sale(resources, conn, is_on=True)
        begun = await _changes(conn)
        await conn.execute("update variants set sale_price_end_at = now() + interval '0.2 s'")
        during = await _variant(conn, "is_on_sale, sale_changes_at = sale_price_end_at")
        await _changes(conn)
        await _sweep_until_sale(resources, conn, is_on=False)
        ended, after = await _changes(conn), await _variant(conn, "sale_changes_at, updated_at >= sale_price_end_at")

    assert (at_once, before, during, after) == ((True, None), (False, True), (True, True), (None, True))
    of_sale = ["variants.is_on_sale", "variants.lowest_price_cents", "variants.sale_changes_at"]
    assert begun == ended == [("Advert", variant.advert_id, of_sale), ("Variant", variant.id, of_sale)]


async def test_adverts_and_variants_follow_their_seller_in_steps(conn: asyncpg.Connection, database_url: str) -> None:
    advert = await create_advert(conn)
    others = [await create_advert(conn, seller_id=advert.seller_id) for _ in range(4)]
    variant = await create_variant(conn, advert_id=advert.id)
    stranger = await create_variant(conn)
    await conn.execute("update sellers set is_online = false where id = $1", advert.seller_id)
    await _changes(conn)

    steps = [await follow_seller(conn, limit=2) for _ in range(4)]
    changes = await _changes(conn)
    added = await create_advert(conn, seller_id=advert.seller_id)
    of_added = await create_variant(conn, advert_id=added.id)
    await conn.execute("update sellers set is_online = true where id = $1", advert.seller_id)
    async with open_resources(settings_for(database_url)) as resources:
        await make_due_changes(resources)

    assert steps == [2, 2, 1, None]
    shown = ["adverts.is_displayable", "adverts.is_seller_online"]
    assert [id_ for type_, id_, columns in changes if type_ == "Advert" and columns == shown] == sorted(
        one.id for one in (advert, *others)
    )
    hidden = ["is_advert_displayable", "is_buyable", "is_displayable"]
    assert ("Variant", variant.id, [f"variants.{name}" for name in hidden]) in changes
    assert stranger.id not in [id_ for type_, id_, _ in changes if type_ == "Variant"]
    assert (added.is_displayable, of_added.is_advert_displayable) == (False, False)
    assert await conn.fetchval("select bool_and(is_displayable) from adverts") is True
    assert await conn.fetchval("select bool_and(is_advert_displayable) from variants") is True


async def _purchase(resources: Resources, variant_id: Any, quantity: int, **line: Any) -> Any:
    lines = [NewLineItem(variant_id=variant_id, quantity=quantity, **line)]
    given = NewPurchase(order=NewOrder(status=OrderStatus.CHECKOUT), line_items=lines)
    return await create_order(resources.database, OPERATOR, given)


@pytest.mark.parametrize("delivery_type", DeliveryType)
async def test_an_abandoned_order_gives_its_items_back_and_takes_them_again(
    conn: asyncpg.Connection, database_url: str, delivery_type: DeliveryType
) -> None:
    variant = await create_variant(conn, count_on_hand=10)
    async with open_resources(settings_for(database_url)) as resources:
        order = await _purchase(resources, variant.id, 3, delivery_type=delivery_type)
        later = await _purchase(resources, variant.id, 2)
        await conn.execute("update orders set updated_at = now() - interval '25 hours' where id = $1", order.id)
        await _changes(conn)

        await make_due_changes(resources)
        abandoned = await conn.fetch("select id from orders where status = 'ABANDONED'")
        left, changes = await _variant(conn, "count_on_hand"), await _changes(conn)
        again = OrderUpdate(order_id=order.id, status=OrderStatus.CHECKOUT)
        await update_order(resources.database, OPERATOR, again)
        taken = await _variant(conn, "count_on_hand")
        await update_order(resources.database, OPERATOR, OrderUpdate(order_id=order.id, status=OrderStatus.ABANDONED))

    assert [row["id"] for row in abandoned] == [order.id]
    assert (left, taken, await _variant(conn, "count_on_hand")) == ((8,), (5,), (8,))
    assert ("Variant", variant.id, ["variants.count_on_hand"]) in changes
    assert "Order" in [type_ for type_, _, _ in changes]
    assert await conn.fetchval("select status from orders where id = $1", later.id) == "CHECKOUT"


async def test_an_abandoned_order_is_not_resumed_once_its_items_are_sold(
    conn: asyncpg.Connection, database_url: str
) -> None:
    variant = await create_variant(conn, label="Red", count_on_hand=3)
    async with open_resources(settings_for(database_url)) as resources:
        order = await _purchase(resources, variant.id, 3)
        await update_order(resources.database, OPERATOR, OrderUpdate(order_id=order.id, status=OrderStatus.ABANDONED))
        await _purchase(resources, variant.id, 1)

        resumed = OrderUpdate(order_id=order.id, status=OrderStatus.CHECKOUT)
        with pytest.raises(Conflict) as caught:
            await update_order(resources.database, OPERATOR, resumed)

    assert caught.value.fields == {"order_id": ["can't be resumed: no longer in stock are Red"]}
    assert await conn.fetchval("select status from orders where id = $1", order.id) == "ABANDONED"
    assert await _variant(conn, "count_on_hand") == (2,)


async def test_only_unpaid_orders_that_nobody_pays_are_abandoned(conn: asyncpg.Connection, database_url: str) -> None:
    variant = await create_variant(conn, has_infinite_quantity=True, count_on_hand=0)
    async with open_resources(settings_for(database_url)) as resources:
        for status in OrderStatus:
            lines = [NewLineItem(variant_id=variant.id, quantity=1)]
            await create_order(
                resources.database, OPERATOR, NewPurchase(order=NewOrder(status=status), line_items=lines)
            )
        await conn.execute("update orders set updated_at = now() - interval '25 hours'")
        await make_due_changes(resources)
        statuses = await conn.fetch("select status from orders order by id")
    async with open_resources(settings_for(database_url, abandon_orders_after_s=0)) as never:
        await conn.execute("update orders set status = 'NEW', updated_at = now() - interval '300 days'")
        await make_due_changes(never)

    ended = {OrderStatus.NEW, OrderStatus.CHECKOUT, OrderStatus.PAYMENT_FAILED}
    assert [row["status"] for row in statuses] == [
        "ABANDONED" if status in ended else status.value for status in OrderStatus
    ]
    assert await conn.fetchval("select count(*) from orders where status = 'NEW'") == len(OrderStatus)
    assert await _variant(conn, "count_on_hand") == (0,)


async def test_nobody_buys_of_a_seller_that_is_offline(conn: asyncpg.Connection, database_url: str) -> None:
    variant = await create_variant(conn)
    await conn.execute("update sellers set is_online = false")

    async with open_resources(settings_for(database_url)) as resources:
        with pytest.raises(InvalidInput) as caught:
            await _purchase(resources, variant.id, 1)

    message = "is not for sale: buyers can't see the variant, its advert or its seller"
    assert caught.value.fields == {"line_items.0.variant_id": [message]}
