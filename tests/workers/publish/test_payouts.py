"""Webhooks about remittance advices and commission packages: whom a payout is told to, and what a package lists."""

from app.webhooks.domain.webhook import WebhookKlass
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_commission_package
from tests.builders.invoices import create_invoice
from tests.builders.remittances import create_remittance, create_remittance_advice
from tests.builders.sellers import create_seller
from tests.support.outbox import Publisher

ADVICE, PACKAGE = WebhookKlass.REMITTANCE_ADVICE, WebhookKlass.COMMISSION_PACKAGE


async def test_a_payout_is_told_to_the_operator_and_to_its_seller(publisher: Publisher) -> None:
    conn = publisher.conn
    invoice = await create_invoice(conn)
    other = await create_seller(conn)
    fields = "paidAt totalPaidCents remittances { amountCents }"
    of_all, of_seller, _ = [
        await publisher.subscribe(fields, klass=ADVICE, seller_id=seller_id)
        for seller_id in (None, invoice.seller_id, other.id)
    ]
    advice = await create_remittance_advice(conn, seller_id=invoice.seller_id)
    remittance = await create_remittance(conn, invoice_id=invoice.id)
    await publisher.publish()
    await publisher.deliver()

    await conn.execute("update remittances set remittance_advice_id = $1, released_at = now()", advice.id)
    released = [one for one in await publisher.publish() if one.state == "PENDING"]
    await publisher.deliver()
    await conn.execute("update remittance_advices set paid_at = '2026-11-27T10:00:00Z'")
    paid = [one for one in await publisher.publish() if one.state == "PENDING"]

    assert {(one.webhook_id, one.entity) for one in (*released, *paid)} == {
        (webhook_id, ("RemittanceAdvice", advice.id)) for webhook_id in (of_all, of_seller)
    }
    added = [f"remittances[{encode('Remittance', remittance.id)}]"]
    assert [one.changed["added"] for one in released] == [added, added]
    assert [one.changed["updated"] for one in paid] == [["paidAt", "totalPaidCents", "totalPaidFormatted"]] * 2
    assert {one.response["data"]["node"]["totalPaidCents"] for one in paid} == {1800}


async def test_a_package_lists_its_sellers_and_is_not_told_of_their_changes(publisher: Publisher) -> None:
    conn = publisher.conn
    seller, (former, present) = await create_seller(conn), [await create_commission_package(conn) for _ in range(2)]
    await conn.execute("update sellers set commission_package_id = $1", former.id)
    await publisher.publish()
    webhook_id = await publisher.subscribe("sellers { nodes { phone } }", klass=PACKAGE)

    await conn.execute("update sellers set phone = '1'")
    unheard = await publisher.publish()
    await conn.execute("update sellers set phone = '2', commission_package_id = $1", present.id)
    moved = {one.entity[1]: one for one in await publisher.publish()}

    assert unheard == []
    assert {one.webhook_id for one in moved.values()} == {webhook_id}
    path = [f"sellers[{encode('Seller', seller.id)}]"]
    assert {package_id: (one.changed["added"], one.changed["removed"]) for package_id, one in moved.items()} == {
        former.id: ([], path),
        present.id: (path, []),
    }
    assert moved[former.id].response == {"data": {"node": {"sellers": {"nodes": []}}}}


async def test_a_seller_that_is_made_or_deleted_comes_to_its_package_or_leaves_it(publisher: Publisher) -> None:
    package = await create_commission_package(publisher.conn)
    await publisher.publish()
    await publisher.subscribe("sellers { totalCount }", klass=PACKAGE)

    shown = []
    for change in (
        f"insert into sellers (business_name, email_address, commission_package_id) values ('S', 's', {package.id})",
        "delete from sellers",
    ):
        await publisher.conn.execute(change)
        *_, told = await publisher.publish()
        shown.append(told.response["data"]["node"]["sellers"]["totalCount"])
        await publisher.deliver()

    assert shown == [1, 0]
