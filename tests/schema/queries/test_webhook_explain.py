"""webhookExplain: what became of an entity's changes for a webhook, and nothing of what the key may not know."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities import global_ids
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation
from tests.support.outbox import Publisher, running_publisher
from tests.support.platform import Platform

EXPLAIN = """
query($webhook: ID!, $entity: ID!, $first: Int) {
  webhookExplain(webhookId: $webhook, entityId: $entity, first: $first) {
    changes { recordedAt operation changed verdict reason webhookEvent { id state webhook { id } } }
  }
}
"""
URL = "http://127.0.0.1:9/"
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents } } }"
CHANGE = "update invoices set buyer_surname = buyer_surname || 'x'"


@pytest.fixture
async def publisher(api: Platform, database_url: str) -> AsyncIterator[Publisher]:
    async with running_publisher(api.conn, database_url) as running:
        yield running


async def subscribe(conn: Connection, seller_id: int | None = None, **given: Any) -> str:
    """A webhook that watches invoices' totals; its global id."""
    webhook = await create_subscription(conn, URL, query_string=QUERY, seller_id=seller_id, **given)
    return global_ids.encode("Webhook", webhook.id)


async def explain(api: Platform, webhook: str, entity: int | str, key: str | None = None, **given: Any) -> Any:
    """The explained changes; None when the webhook is none of the key's."""
    entity_id = entity if isinstance(entity, str) else global_ids.encode("Invoice", entity)
    data = await api.data(EXPLAIN, {"webhook": webhook, "entity": entity_id, "first": 20, **given}, key)
    return data["webhookExplain"] and data["webhookExplain"]["changes"]


async def publish_unseen(conn: Connection) -> None:
    """Count all that waits as published, without any webhook event."""
    await conn.execute("update change_events set published_at = statement_timestamp() where published_at is null")


async def record(conn: Connection, entity_id: int, operation: str, columns: list[str], **given: Any) -> None:
    """One change event as the triggers would write it."""
    await conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, seller_id)"
        " values ('Invoice', $1, $2, $3, '[]', false, $4)",
        entity_id,
        operation,
        columns,
        given.get("seller_id"),
    )


def verdicts(changes: Any) -> list[str]:
    return [one["verdict"] for one in changes]


async def test_each_change_says_what_became_of_it(api: Platform, publisher: Publisher) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn, buyer_surname="King")
    await publisher.publish()
    await api.conn.execute(CHANGE)
    await publish_unseen(api.conn)
    await api.conn.execute("update invoices set total_cents = 1")

    waiting, unwatched, made = await explain(api, webhook, invoice.id)

    assert (waiting["verdict"], waiting["operation"], waiting["webhookEvent"]) == ("WAITING", "UPDATE", None)
    assert set(waiting["changed"]["updated"]) >= {"totalCents"}
    assert (unwatched["verdict"], unwatched["webhookEvent"]) == ("NOT_WATCHED", None)
    assert unwatched["changed"] == {"added": [], "updated": ["buyerSurname"], "removed": []}
    assert unwatched["reason"] == "Nothing that the query reads has changed. Select a field that `changed` names."
    assert (made["verdict"], made["operation"]) == ("MADE", "CREATE")
    event_id = global_ids.encode("WebhookEvent", await api.conn.fetchval("select id from webhook_events"))
    assert made["webhookEvent"] == {"id": event_id, "state": "PENDING", "webhook": {"id": webhook}}
    assert waiting["recordedAt"] > unwatched["recordedAt"] > made["recordedAt"]


async def test_changes_that_wait_together_are_told_by_one_event(api: Platform, publisher: Publisher) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn)
    await publisher.publish()
    await publisher.deliver()
    for statement in (CHANGE, "update invoices set total_cents = 1", CHANGE):
        await api.conn.execute(statement)

    (*_, made) = await publisher.publish()
    changes = await explain(api, webhook, invoice.id)

    event_id = global_ids.encode("WebhookEvent", made.id)
    assert verdicts(changes) == ["MADE"] * 4
    assert [one["webhookEvent"]["id"] == event_id for one in changes] == [True, True, True, False]


async def test_tests_of_a_webhook_tell_of_no_change(api: Platform) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn)
    await publish_unseen(api.conn)
    await api.conn.execute(
        "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at)"
        " select id, 'Invoice', $1::bigint, 'test', 'DELIVERED', '{}', now() from webhooks",
        invoice.id,
    )

    assert verdicts(await explain(api, webhook, invoice.id)) == ["UNKNOWN"]


async def test_first_says_how_many(api: Platform) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn)
    for _ in range(3):
        await api.conn.execute(CHANGE)

    last_two = await explain(api, webhook, invoice.id, first=2)
    all_of_them = await explain(api, webhook, invoice.id, first=100)

    assert len(all_of_them) == 4
    assert last_two == all_of_them[:2]


@pytest.mark.parametrize("first", [0, 101, -1])
async def test_first_has_bounds(api: Platform, first: int) -> None:
    variables = {"webhook": await subscribe(api.conn), "entity": global_ids.encode("Invoice", 1), "first": first}

    answer = await api.graphql(EXPLAIN, variables)

    assert answer["data"] == {"webhookExplain": None}
    assert answer["errors"][0]["message"] == "first: must be from 1 to 100"


async def test_an_entity_of_another_type_is_refused(api: Platform) -> None:
    variables = {"webhook": await subscribe(api.conn), "entity": global_ids.encode("Variant", 1), "first": 1}

    answer = await api.graphql(EXPLAIN, variables)

    assert answer["errors"][0]["message"] == "entityId: is the id of a Variant, not of an Invoice"


async def test_changes_of_another_type_with_the_same_number_are_not_shown(api: Platform) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn)
    await api.conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut)"
        " select 'Advert', $1::bigint, 'UPDATE', '{adverts.title}', '[]', false from generate_series(1, 30)",
        invoice.id,
    )

    waiting = await explain(api, webhook, invoice.id)
    await publish_unseen(api.conn)
    published = await explain(api, webhook, invoice.id)

    assert (len(waiting), len(published)) == (1, 1)


async def test_a_seller_learns_nothing_of_what_is_another_s(api: Platform) -> None:
    own, other = await create_seller(api.conn), await create_seller(api.conn)
    mine, theirs, operators = [await subscribe(api.conn, of) for of in (own.id, other.id, None)]
    key = await api.seller_key(own.id)
    invoice, foreign = [await create_invoice(api.conn, seller_id=of.id) for of in (own, other)]

    assert verdicts(await explain(api, mine, invoice.id, key)) == ["WAITING"]
    assert await explain(api, theirs, foreign.id, key) is None
    assert await explain(api, operators, invoice.id, key) is None
    assert await explain(api, mine, foreign.id, key) == await explain(api, mine, 999, key) == []
    assert verdicts(await explain(api, mine, foreign.id)) == ["NOT_VISIBLE"]


async def test_a_seller_is_shown_the_time_when_the_entity_was_its_own(api: Platform) -> None:
    own = await create_seller(api.conn)
    mine, key = await subscribe(api.conn, own.id), await api.seller_key(own.id)
    invoice = await create_invoice(api.conn)
    await api.conn.execute(CHANGE)
    await api.conn.execute("update invoices set seller_id = $1", own.id)
    await api.conn.execute(CHANGE)

    shown, known = await explain(api, mine, invoice.id, key), await explain(api, mine, invoice.id)

    assert verdicts(shown) == ["WAITING", "WAITING"]
    assert verdicts(known) == ["WAITING", "WAITING", "NOT_VISIBLE", "NOT_VISIBLE"]
    assert [{**one, "changed": None} for one in shown] == [{**one, "changed": None} for one in known[:2]]
    # Nor is it told of what its invoice decides of the order, which it does not read.
    paths = [{path for path in one["changed"]["updated"] if not path.startswith("order.")} for one in known[:2]]
    assert [{*one["changed"]["updated"]} for one in shown] == paths


async def test_what_was_deleted_for_good_is_still_its_seller_s(api: Platform) -> None:
    own, other = await create_seller(api.conn), await create_seller(api.conn)
    invoice = await create_invoice(api.conn, seller_id=own.id)
    await api.conn.execute("delete from invoices")

    of_own = await explain(api, await subscribe(api.conn, own.id), invoice.id, await api.seller_key(own.id))
    of_other = await explain(api, await subscribe(api.conn, other.id), invoice.id, await api.seller_key(other.id))

    assert [one["operation"] for one in of_own] == ["DESTROY", "CREATE"]
    assert of_other == []


async def test_what_is_passed_on_within_an_order_is_the_operator_s_to_know(api: Platform) -> None:
    own = await create_seller(api.conn)
    mine, key = await subscribe(api.conn, own.id), await api.seller_key(own.id)
    invoice = await create_invoice(api.conn, seller_id=own.id)
    await record(api.conn, invoice.id, "UPDATE", ["orders/invoices.total_cents"])

    assert [one["operation"] for one in await explain(api, mine, invoice.id, key)] == ["CREATE"]
    assert verdicts(await explain(api, mine, invoice.id)) == ["NOT_VISIBLE", "WAITING"]


async def test_deleted_webhooks_are_not_explained(api: Platform) -> None:
    webhook = await subscribe(api.conn)
    invoice = await create_invoice(api.conn)
    await api.conn.execute("update webhooks set deleted_at = now(), is_enabled = false")

    assert await explain(api, webhook, invoice.id) is None


async def test_a_query_that_does_not_fit_the_schema_is_explained_all_the_same(api: Platform) -> None:
    webhook = await subscribe(api.conn)
    await api.conn.execute("update webhooks set query_string = 'query($id: ID!) { node(id: $id) { nope } }'")
    invoice = await create_invoice(api.conn)
    await publish_unseen(api.conn)

    assert verdicts(await explain(api, webhook, invoice.id)) == ["UNKNOWN"]


async def test_the_number_of_statements_does_not_depend_on_the_number_of_changes(
    conn: Connection, database_url: str
) -> None:
    seller = await create_seller(conn)
    webhook = await subscribe(conn, seller.id, every_change=True)
    invoice = await create_invoice(conn, seller_id=seller.id)
    viewer = Viewer(SellerId(seller.id), frozenset({Scope.WEBHOOKS}))
    counts = []

    async with running_publisher(conn, database_url) as publisher:
        for more in (1, 20):
            for _ in range(more):
                await conn.execute("update invoices set total_cents = total_cents + 1")
                await publisher.publish()
            answer = await run_operation(
                conn,
                EXPLAIN.replace(" webhook { id }", ""),
                viewer=viewer,
                webhook=webhook,
                entity=global_ids.encode("Invoice", invoice.id),
                first=100,
            )
            changes = answer.data["webhookExplain"]["changes"]
            assert (verdicts(changes), answer.errors) == (["MADE"] * len(changes), [])
            counts.append((len(changes), answer.statements))

    assert counts == [(2, 5), (22, 5)]


async def test_a_seller_is_not_shown_the_changes_of_its_order(api: Platform) -> None:
    own = await create_seller(api.conn)
    mine, key = await subscribe(api.conn, own.id), await api.seller_key(own.id)
    invoice = await create_invoice(api.conn, seller_id=own.id)
    await api.conn.execute("update orders set is_gift = not is_gift")

    shown, known = await explain(api, mine, invoice.id, key), await explain(api, mine, invoice.id)

    assert [one["operation"] for one in shown] == ["CREATE"]
    assert verdicts(known) == ["NOT_VISIBLE", "WAITING"]
    assert "order.isGift" in known[0]["changed"]["updated"]
