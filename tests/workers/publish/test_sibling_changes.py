"""A part's change reaches its siblings by their whole: only the webhooks whose query reads it."""

from typing import Any

from app.webhooks.domain.webhook import WebhookKlass
from schema.entities import global_ids
from tests.builders.catalogue import create_inventory
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.variants import create_variant
from tests.support.outbox import MadeEvent, Publisher

VARIANT = WebhookKlass.VARIANT


async def two_variants(publisher: Publisher) -> tuple[Any, Any]:
    one = await create_variant(publisher.conn, price_cents=2000)
    other = await create_variant(publisher.conn, advert_id=one.advert_id, seller_id=one.seller_id, price_cents=3000)
    await publisher.publish()
    await publisher.deliver()
    return one, other


async def made_of(publisher: Publisher, sql: str, *args: Any) -> list[MadeEvent]:
    """Run a statement, publish, and return the events that it made."""
    before = {one.id for one in await publisher.made()}
    await publisher.conn.execute(sql, *args)
    return [one for one in await publisher.publish() if one.id not in before]


async def test_a_variant_is_told_of_what_its_advert_shows_of_another(publisher: Publisher) -> None:
    webhook_id = await publisher.subscribe("advert { ... on Advert { lowestPrice } }", klass=VARIANT)
    one, other = await two_variants(publisher)

    made = await made_of(publisher, "update variants set price_cents = 1000 where id = $1", one.id)

    of_other = next(event for event in made if event.entity == ("Variant", other.id))
    assert {(event.webhook_id, event.outcome) for event in made} == {(webhook_id, ("update", "PENDING"))}
    assert [event.entity[1] for event in made] == [one.id, other.id]
    assert of_other.response["data"]["node"]["advert"] == {"lowestPrice": "10.00"}
    path = f"advert.variants[{global_ids.encode('Variant', one.id)}]"
    assert set(of_other.changed["updated"]) >= {
        "advert.lowestPrice",
        *(f"{path}.{name}" for name in ("lowestPrice", "lowestPriceCents", "editablePrice", "editablePriceCents")),
    }


async def test_a_trigger_may_lead_to_what_is_beside(publisher: Publisher) -> None:
    await publisher.subscribe(
        "sku advert { ... on Advert { lowestPrice } }", klass=VARIANT, triggers=["advert.lowestPrice"]
    )
    one, other = await two_variants(publisher)

    of_price = await made_of(publisher, "update variants set price_cents = 1000 where id = $1", one.id)
    of_sku = await made_of(publisher, "update variants set sku = 'x' where id = $1", one.id)

    assert other.id in {event.entity[1] for event in of_price}
    assert of_sku == []


async def test_parts_of_those_beside_and_those_that_come_and_go_are_told_too(publisher: Publisher) -> None:
    await publisher.subscribe(
        "advert { ... on Advert { variants { nodes { inventories { nodes { countOnHand } } } } } }", klass=VARIANT
    )
    one, other = await two_variants(publisher)

    await create_inventory(publisher.conn, variant_id=one.id)
    of_inventory = await made_of(publisher, "update inventories set count_on_hand = 99")
    of_deletion = await made_of(publisher, "update variants set deleted_at = now() where id = $1", one.id)

    assert (other.id, "PENDING") in {(event.entity[1], event.state) for event in of_inventory}
    assert [(event.entity[1], event.outcome) for event in of_deletion] == [
        (one.id, ("destroy", "PENDING")),
        (other.id, ("update", "PENDING")),
    ]


async def test_who_reads_no_further_than_the_variant_hears_nothing_of_others(publisher: Publisher) -> None:
    await publisher.subscribe("priceless: lowestPrice advert { ... on Advert { title } }", klass=VARIANT)
    one, _ = await two_variants(publisher)

    made = await made_of(publisher, "update variants set price_cents = 1000 where id = $1", one.id)

    assert [event.entity[1] for event in made] == [one.id]
    assert await publisher.conn.fetchval("select count(*) from change_events where columns[1] like '%/%'") == 0


async def test_an_invoice_is_told_of_what_its_order_shows_of_another_seller_s_but_no_seller_is(
    publisher: Publisher,
) -> None:
    invoice = await create_invoice(publisher.conn, status_flags=["PAID"])
    other = await create_invoice(publisher.conn, order_id=invoice.order_id, status_flags=["PAID"])
    operators = await publisher.subscribe("order { aggregateInvoiceStatus lineItems { nodes { quantity } } }")
    await publisher.subscribe("order { aggregateInvoiceStatus }", seller_id=invoice.seller_id, every_change=True)
    await publisher.publish()
    await publisher.deliver()

    of_flags = await made_of(publisher, "update invoices set status_flags = '{CANCELLED}' where id = $1", other.id)
    line = await create_line_item(publisher.conn, invoice_id=other.id, quantity=2)
    of_line = await made_of(publisher, "update line_items set quantity = 3 where id = $1", line.id)

    for made in (of_flags, of_line):
        assert [event.webhook_id for event in made if event.entity[1] == invoice.id] == [operators]
