"""An entity that goes to another seller is destroyed for the former one and created for the new one."""

from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.invoice_parts import create_invoice_annotation, create_invoice_annotation_type
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


HIDE = "update invoice_annotation_types set viewable_by_seller = $1"


async def test_an_annotation_goes_with_its_invoice(publisher: Publisher) -> None:
    sale, other = await create_sale(publisher.conn), await create_seller(publisher.conn)
    await create_invoice_annotation(publisher.conn, invoice_id=sale.invoice.id)
    former, new = [
        await publisher.subscribe("content", klass=WebhookKlass.INVOICE_ANNOTATION, seller_id=id_)
        for id_ in (sale.seller.id, other.id)
    ]

    made = await told(publisher, "update invoices set seller_id = $1", other.id)

    assert {one.webhook_id: one.outcome for one in made} == {
        former: ("destroy", "PENDING"),
        new: ("create", "PENDING"),
    }


async def test_annotations_end_for_a_seller_when_their_type_is_hidden_and_begin_when_it_is_shown(
    publisher: Publisher,
) -> None:
    conn, klass = publisher.conn, WebhookKlass.INVOICE_ANNOTATION
    sale, other = await create_sale(conn), await create_seller(conn)
    await create_invoice_annotation(conn, invoice_id=sale.invoice.id)
    own, of_invoices = [
        await publisher.subscribe(fields, klass=klass_, seller_id=sale.seller.id)
        for fields, klass_ in (("content", klass), ("annotations { content }", WebhookKlass.INVOICE))
    ]
    await publisher.subscribe("content", klass=klass, seller_id=other.id)
    await publisher.subscribe("content", klass=klass, triggers=["content"])

    hidden = await told(publisher, HIDE, False)
    unheard = await told(publisher, "update invoice_annotations set content = 'Secret'")
    shown = await told(publisher, HIDE, True)

    assert {one.webhook_id: (one.outcome, one.response) for one in hidden} == {
        own: (("destroy", "PENDING"), {"data": {"node": None}}),
        of_invoices: (("update", "PENDING"), {"data": {"node": {"annotations": []}}}),
    }
    assert [one.changed["updated"] for one in hidden if one.webhook_id == of_invoices] == [["annotations"]]
    assert {one.webhook_id for one in unheard}.isdisjoint({own, of_invoices})
    assert {one.webhook_id: (one.outcome, one.response) for one in shown} == {
        own: (("create", "PENDING"), {"data": {"node": {"content": "Secret"}}}),
        of_invoices: (("update", "PENDING"), {"data": {"node": {"annotations": [{"content": "Secret"}]}}}),
    }


async def test_a_seller_is_not_told_of_annotations_that_its_type_hides(publisher: Publisher) -> None:
    conn, klass = publisher.conn, WebhookKlass.INVOICE_ANNOTATION
    sale = await create_sale(conn)
    of = await create_invoice_annotation_type(conn, viewable_by_seller=False)
    for fields, klass_ in (("content", klass), ("annotations { content } totalCents", WebhookKlass.INVOICE)):
        await publisher.subscribe(fields, klass=klass_, seller_id=sale.seller.id)
    of_all = await publisher.subscribe("content", klass=klass)
    added = "insert into invoice_annotations (invoice_id, invoice_annotation_type_id, content) values ($1, $2, 'A')"

    made = [
        await told(publisher, added, sale.invoice.id, of.id),
        await told(publisher, "update invoice_annotations set is_resolved = true, content = 'B'"),
        await told(publisher, "delete from invoice_annotations"),
    ]

    assert [[(one.webhook_id, one.outcome[0]) for one in each] for each in made] == [
        [(of_all, "create")],
        [(of_all, "update")],
        [(of_all, "destroy")],
    ]
