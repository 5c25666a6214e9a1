"""An entity that goes to another seller is destroyed for the former one and created for the new one."""

from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.support.outbox import MadeEvent, Publisher


async def told(publisher: Publisher, sql: str, *args: object) -> list[MadeEvent]:
    """Run a statement, publish, and return the events that it made."""
    await publisher.publish()
    await publisher.deliver()
    before = len(await publisher.made())
    await publisher.conn.execute(sql, *args)
    return (await publisher.publish())[before:]


async def test_the_former_seller_is_told_of_its_end_and_the_new_one_of_its_creation(publisher: Publisher) -> None:
    sale, other = await create_sale(publisher.conn), await create_seller(publisher.conn)
    former, new = [await publisher.subscribe("totalCents", seller_id=id_) for id_ in (sale.seller.id, other.id)]
    await publisher.subscribe("totalCents", triggers=["totalCents"])

    made = await told(publisher, "update invoices set seller_id = $1", other.id)

    # The operator's query does not show whose it is: nothing is new to it.
    assert {one.webhook_id: (one.outcome, one.response) for one in made} == {
        former: (("destroy", "PENDING"), {"data": {"node": None}}),
        new: (("create", "PENDING"), {"data": {"node": {"totalCents": sale.invoice.total_cents}}}),
    }


async def test_what_is_the_invoice_s_goes_with_it(publisher: Publisher) -> None:
    sale, other = await create_sale(publisher.conn), await create_seller(publisher.conn)
    former, new = [
        await publisher.subscribe("trackingNumber", klass=WebhookKlass.SHIPMENT, seller_id=id_)
        for id_ in (sale.seller.id, other.id)
    ]

    made = await told(publisher, "update invoices set seller_id = $1", other.id)

    assert {one.webhook_id: one.outcome for one in made} == {
        former: ("destroy", "PENDING"),
        new: ("create", "PENDING"),
    }


async def test_who_had_it_for_a_moment_only_is_told_nothing(publisher: Publisher) -> None:
    sale, other = await create_sale(publisher.conn), await create_seller(publisher.conn)
    own = await publisher.subscribe("totalCents", seller_id=sale.seller.id)
    await publisher.subscribe("totalCents", seller_id=other.id)
    await publisher.publish()
    await publisher.deliver()

    for seller_id, cents in ((other.id, 7), (sale.seller.id, 8)):
        await publisher.conn.execute("update invoices set seller_id = $1, total_cents = $2", seller_id, cents)
    *_, last = await publisher.publish()

    assert (last.webhook_id, last.outcome) == (own, ("update", "PENDING"))
    assert last.response == {"data": {"node": {"totalCents": 8}}}
    assert {one.webhook_id for one in await publisher.made()} == {own}
