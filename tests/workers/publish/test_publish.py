"""Change events become webhook events: each once, nothing of anybody else, and all or nothing."""

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import UNWATCHED
from app.webhooks.services.deduplication import EQUAL
from schema.entities import global_ids
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.support.operation import read_node
from tests.support.outbox import Publisher, recorded
from workers.publish.job import publish_batch


async def test_changes_of_one_transaction_are_one_event_with_the_latest_state(publisher: Publisher) -> None:
    line = await create_line_item(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("buyerSurname lineItems { quantityReturnable }")

    async with publisher.conn.transaction():
        await publisher.conn.execute("update invoices set buyer_surname = 'King'")
        await publisher.conn.execute("update line_items set quantity_returnable = 1")
        await publisher.conn.execute("update line_items set quantity_returnable = 0")

    (made,) = await publisher.publish()
    assert made.outcome == ("update", "PENDING")
    assert made.response == {"data": {"node": {"buyerSurname": "King", "lineItems": [{"quantityReturnable": 0}]}}}
    path = f"lineItems[{global_ids.encode('LineItem', line.id)}].quantityReturnable"
    assert made.changed == {"added": [], "updated": ["buyerSurname", path], "removed": []}


async def test_a_change_of_what_the_query_does_not_read_writes_nothing_and_is_counted(publisher: Publisher) -> None:
    await create_invoice(publisher.conn)
    stranger = await create_seller(publisher.conn)
    await recorded(publisher.conn)
    webhook_id = await publisher.subscribe("totalCents")
    await publisher.subscribe("totalCents", seller_id=stranger.id)

    await publisher.conn.execute("update invoices set buyer_surname = 'King'")

    assert await publisher.publish() == []
    # The stranger's webhook is not even passed.
    assert await publisher.skips() == {(webhook_id, UNWATCHED): 1}
    assert await publisher.conn.fetchval("select count(*) from payloads") == 0


async def test_an_equal_result_is_skipped_with_its_reason_unless_opted_out(publisher: Publisher) -> None:
    variant = await create_variant(publisher.conn, is_published=False)
    await recorded(publisher.conn)
    skips, always, every = [
        await publisher.subscribe("sku countOnHand @skip(if: true)", klass=WebhookKlass.VARIANT, **options)
        for options in ({}, {"allow_skip": False}, {"every_change": True})
    ]

    for count in (5, 4):
        await publisher.conn.execute("update variants set count_on_hand = $1", count)
        await publisher.publish()
        await publisher.deliver()

    made = await publisher.made()
    assert {one.entity for one in made} == {("Variant", variant.id)}
    states = {id_: [(one.state, one.reason) for one in made if one.webhook_id == id_] for id_ in (skips, always, every)}
    assert states == {
        skips: [("DELIVERED", None), ("SKIPPED", EQUAL)],
        always: [("DELIVERED", None)] * 2,
        every: [("DELIVERED", None)] * 2,
    }


async def test_every_change_makes_one_event_per_transaction(publisher: Publisher) -> None:
    await create_variant(publisher.conn)
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, every_change=True)
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)

    for sku in ("A", "B", "C"):
        await publisher.conn.execute("update variants set sku = $1", sku)
    made = await publisher.publish()

    assert sorted(one.webhook_id for one in made) == [1, 1, 1, 2]
    assert {one.state for one in made} == {"PENDING"}


async def test_deleting_and_inserting_again_is_an_update(publisher: Publisher) -> None:
    variant = await create_variant(publisher.conn, sku="A")
    await recorded(publisher.conn)
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)

    async with publisher.conn.transaction():
        await publisher.conn.execute("delete from variants")
        await publisher.conn.execute(
            "insert into variants (id, advert_id, seller_id, label, sku) overriding system value"
            " values ($1, $2, $3, 'Red', 'B')",
            variant.id,
            variant.advert_id,
            variant.seller_id,
        )

    (made,) = await publisher.publish()
    assert (made.outcome, made.response) == (("update", "PENDING"), {"data": {"node": {"sku": "B"}}})


async def test_a_seller_s_webhook_gets_its_own_only_and_what_its_key_could_ask(publisher: Publisher) -> None:
    conn = publisher.conn
    own, other = await create_sale(conn), await create_sale(conn)
    await recorded(conn)
    selection = "id buyerSurname order { surname } seller { businessName } lineItems { variantSku }"
    of_seller = await publisher.subscribe(selection, seller_id=own.seller.id)
    of_operator = await publisher.subscribe(selection)

    await conn.execute("update invoices set buyer_surname = 'King'")
    made = await publisher.publish()

    assert sorted((one.webhook_id, one.entity[1]) for one in made) == sorted(
        [(of_seller, own.invoice.id), (of_operator, own.invoice.id), (of_operator, other.invoice.id)]
    )
    (given,) = [one for one in made if one.webhook_id == of_seller]
    asked = await read_node(conn, own.id_of("invoice"), f"Invoice {{ {selection} }}", viewer=Viewer(own.seller.id))
    assert given.response["data"]["node"] == asked.data
    assert [(error["path"], error["extensions"]["code"]) for error in given.response["errors"]] == asked.failures
    assert asked.failures == [(["node", "order"], "FORBIDDEN")]
    (same,) = [one for one in made if one.webhook_id == of_operator and one.entity == given.entity]
    assert same.response["data"]["node"]["order"] == {"surname": "Byron"}


async def test_a_broken_query_fails_visibly_and_alone(publisher: Publisher) -> None:
    broken = await publisher.subscribe("totalCents")
    fine = await publisher.subscribe("totalCents")
    await publisher.conn.execute(
        "update webhooks set query_string = 'query($id: ID!) {\n node(id: $id) { gone } }' where id = $1", broken
    )

    await create_invoice(publisher.conn)
    made = {one.webhook_id: one for one in await publisher.publish()}

    assert made[fine].outcome == ("create", "PENDING")
    assert (made[broken].outcome, made[broken].response) == (("create", "RENDER_FAILED"), None)
    assert "line 2, column 18: Cannot query field 'gone'" in (made[broken].reason or "")


async def test_a_seller_s_broken_query_reveals_nothing_of_others(publisher: Publisher) -> None:
    seller = await create_seller(publisher.conn)
    await publisher.subscribe("totalCents", seller_id=seller.id)
    await publisher.conn.execute("update webhooks set query_string = '{ gone }'")

    own = await create_invoice(publisher.conn, seller_id=seller.id)
    await create_invoice(publisher.conn)

    assert [(one.entity[1], one.state) for one in await publisher.publish()] == [(own.id, "RENDER_FAILED")]


async def test_a_soft_deleted_entity_is_shown_as_it_was_last(publisher: Publisher) -> None:
    await create_variant(publisher.conn, sku="LAST")
    await recorded(publisher.conn)
    await publisher.subscribe("sku displayable", klass=WebhookKlass.VARIANT)

    await publisher.conn.execute("update variants set deleted_at = now()")

    (made,) = await publisher.publish()
    assert made.outcome == ("destroy", "PENDING")
    assert made.response == {"data": {"node": {"sku": "LAST", "displayable": False}}}


async def test_deleted_for_good_is_null_for_its_seller_and_the_operator_only(publisher: Publisher) -> None:
    variant, stranger = await create_variant(publisher.conn), await create_seller(publisher.conn)
    await recorded(publisher.conn)
    told = [
        await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, seller_id=id_) for id_ in (None, variant.seller_id)
    ]
    await publisher.subscribe("sku", klass=WebhookKlass.VARIANT, seller_id=stranger.id)

    await publisher.conn.execute("delete from variants")

    made = await publisher.publish()
    assert sorted(one.webhook_id for one in made) == sorted(told)
    assert {(one.outcome, str(one.response)) for one in made} == {
        (("destroy", "PENDING"), str({"data": {"node": None}}))
    }


async def test_an_enumeration_s_unknown_word_is_refused_before_it_spoils_a_batch(conn: asyncpg.Connection) -> None:
    await create_invoice(conn)

    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("update invoices set status_flags = '{PAID,BOGUS}'")


async def test_a_connection_killed_in_the_middle_leaves_everything_to_the_next_run(
    publisher: Publisher, database_url: str
) -> None:
    await publisher.subscribe("totalCents")
    await create_invoice(publisher.conn)
    await publisher.conn.execute("update change_events set published_at = now() where entity_type <> 'Invoice'")
    # The publisher's own INSERT ends its connection, once.
    await publisher.conn.execute(
        """
        create function kill_once() returns trigger language plpgsql as $$
        begin
          if not exists (select from pg_stat_activity where application_name = 'killed') then
            perform pg_terminate_backend(pg_backend_pid());
          end if;
          return null;
        end $$;
        create trigger kill_once after insert on webhook_events for each statement execute function kill_once();
        """
    )

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await publish_batch(publisher.resources)
    left = await publisher.conn.fetchrow(
        "select count(*) filter (where published_at is null) as waiting, (select count(*) from webhook_events) as made,"
        " (select count(*) from payloads) as payloads from change_events"
    )
    await publisher.conn.execute("set application_name = 'killed'")
    made = await publisher.publish()

    assert left is not None
    assert dict(left) == {"waiting": 1, "made": 0, "payloads": 0}
    assert [one.outcome for one in made] == [("create", "PENDING")]
