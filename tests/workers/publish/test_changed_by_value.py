"""`changed` names the values that differ, and rows that stay are not named."""

from app.marketplace.catalogue.db.option_types import VARIANT_OPTION_VALUES, OptionTypeId, OptionValueId
from app.marketplace.catalogue.services.options import NewChoice, OwnersChoices, set_choices
from app.webhooks.domain.webhook import WebhookKlass
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_option_value, create_variant_option_value
from tests.builders.invoices import create_invoice
from tests.builders.variants import create_variant
from tests.support.outbox import Publisher

VARIANT = WebhookKlass.VARIANT
BACK_IN_STOCK = "'buyable' in event.changed.updated && data.node.buyable"


async def test_back_in_stock_is_one_filter(publisher: Publisher) -> None:
    variant = await create_variant(publisher.conn, count_on_hand=3)
    await publisher.publish()
    await publisher.subscribe("countOnHand buyable", klass=VARIANT, filter=BACK_IN_STOCK)

    for count in (2, 0, 5, 4):
        await publisher.conn.execute("update variants set count_on_hand = $1 where id = $2", count, variant.id)
        await publisher.publish()
        await publisher.deliver()
    made = await publisher.made()

    told = [one.response["data"]["node"] for one in made if one.state == "DELIVERED"]
    assert told == [{"countOnHand": 5, "buyable": True}]
    assert ["buyable" in one.changed["updated"] for one in made] == [False, True, True, False]


async def test_choices_that_stay_keep_their_rows_and_are_not_named(publisher: Publisher) -> None:
    kept = await create_variant_option_value(publisher.conn)
    gone = await create_variant_option_value(publisher.conn, variant_id=kept.variant_id)
    new = await create_option_value(publisher.conn)
    await publisher.publish()
    await publisher.subscribe("variantOptionValues { nodes { id } }", klass=VARIANT)

    choices = [
        NewChoice(option_type_id=OptionTypeId(type_id), option_value_id=OptionValueId(value_id or 0))
        for type_id, value_id in ((new.option_type_id, new.id), (kept.option_type_id, kept.option_value_id))
    ]
    asked = OwnersChoices(owner_id=kept.variant_id, choices=choices, path="optionValues")
    async with publisher.conn.transaction():
        changed = await set_choices(publisher.conn, VARIANT_OPTION_VALUES, [asked])
        again = await set_choices(publisher.conn, VARIANT_OPTION_VALUES, [asked])
    (made,) = await publisher.publish()

    there = [row["id"] for row in made.response["data"]["node"]["variantOptionValues"]["nodes"]]
    assert (changed, again, there[0]) == ({kept.variant_id}, set(), encode("VariantOptionValue", kept.id))
    assert made.changed["removed"] == [f"variantOptionValues[{encode('VariantOptionValue', gone.id)}]"]
    assert made.changed["added"] == [f"variantOptionValues[{there[1]}]"]


async def test_the_status_of_an_invoice_is_named_only_when_it_differs(publisher: Publisher) -> None:
    invoice = await create_invoice(publisher.conn, status_flags=["PAID"])
    await publisher.publish()
    await publisher.subscribe("status statusFlags order { aggregateInvoiceStatus }")

    named = []
    for flags in (["PAID", "AWAITING_RETURN"], ["PAID", "AWAITING_RETURN", "SENT"], ["AWAITING_RETURN", "SENT"]):
        await publisher.conn.execute("update invoices set status_flags = $1 where id = $2", flags, invoice.id)
        *_, made = await publisher.publish()
        named.append({*made.changed["updated"]} - {"statusFlags"})
        await publisher.deliver()

    of_order = {"order.aggregateInvoiceStatus", "order.aggregateInvoiceStatusFinal"}
    assert named == [set(), {"status", *of_order}, set()]


async def test_a_value_over_rows_is_named_too_often_but_never_too_seldom(publisher: Publisher) -> None:
    cheap = await create_variant(publisher.conn, price_cents=500)
    dear = await create_variant(publisher.conn, advert_id=cheap.advert_id, price_cents=900)
    await publisher.publish()
    await publisher.subscribe("lowestPrice variants { nodes { sku lowestPriceCents } }", klass=WebhookKlass.ADVERT)

    told = []
    for column, value, variant in (
        ("price_cents", 800, dear),
        ("sku", "S", cheap),
        ("price_cents", 400, cheap),
        ("is_published", False, cheap),
        ("is_published", False, dear),
    ):
        await publisher.conn.execute(f"update variants set {column} = $1 where id = $2", value, variant.id)
        *_, made = await publisher.publish()
        told.append((made.response["data"]["node"]["lowestPrice"], "lowestPrice" in made.changed["updated"]))
        await publisher.deliver()

    # The first price is not the lowest one, but its variant's lowest price is another.
    assert told == [("5.00", True), ("5.00", False), ("4.00", True), ("8.00", True), (None, True)]
