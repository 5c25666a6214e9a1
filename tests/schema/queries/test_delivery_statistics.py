"""deliveryStatistics: the attempts of the last hour by minute, and what is still to be sent, of one owner or of all."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg

from app.auth.viewers import Scope, create_key
from app.webhooks.db.counts.delivery_minutes import add_deliveries
from app.webhooks.db.webhooks import WebhookId
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_pulled_subscription, create_subscription
from tests.builders.sellers import create_seller
from tests.support.held import held
from tests.support.platform import Platform

URL = "http://127.0.0.1:9/"
STATISTICS = """
query($seller: ID) { deliveryStatistics(sellerId: $seller) {
  minutes { startedAt succeeded failed } backlog { waiting sending held oldestDueAt unpublishedSeconds }
} }
"""


async def ask(api: Platform, key: str | None = None, seller_id: int | None = None) -> Any:
    """The statistics; None when there are none for the key."""
    seller = None if seller_id is None else global_ids.encode("Seller", seller_id)
    return (await api.data(STATISTICS, {"seller": seller}, key))["deliveryStatistics"]


def sums(statistics: Any) -> tuple[int, int]:
    """Return how many attempts of the hour succeeded and failed."""
    minutes = statistics["minutes"]
    return sum(one["succeeded"] for one in minutes), sum(one["failed"] for one in minutes)


async def test_each_owner_sees_the_attempts_of_its_own_webhooks(api: Platform) -> None:
    first, second = await create_seller(api.conn), await create_seller(api.conn)
    first_key, second_key = await api.seller_key(first.id), await api.seller_key(second.id)
    of_first = [await create_subscription(api.conn, URL, seller_id=first.id) for _ in range(2)]
    of_operator = await create_subscription(api.conn, URL)

    await add_deliveries(api.conn, {of_first[0].id: (3, 1), of_first[1].id: (2, 0), of_operator.id: (10, 20)})
    await add_deliveries(api.conn, {of_first[0].id: (1, 1), WebhookId(999): (7, 7)})

    assert sums(await ask(api)) == (16, 22)
    assert sums(await ask(api, first_key)) == sums(await ask(api, seller_id=first.id)) == (6, 2)
    assert sums(await ask(api, second_key)) == (0, 0)
    assert await ask(api, second_key, seller_id=first.id) is None
    assert await ask(api, seller_id=999) is None


async def test_the_minutes_of_an_hour_are_all_there(api: Platform) -> None:
    await api.conn.execute(
        """
        insert into delivery_minutes (minute, seller_id, succeeded, failed)
        select date_trunc('minute', now()) - back * interval '1 min', 0, 100 + back, back
        from unnest('{3,58,61,600}'::int[]) back
        """
    )

    minutes = (await ask(api))["minutes"]

    begun = [datetime.fromisoformat(one["startedAt"]) for one in minutes]
    assert [later - earlier for earlier, later in pairwise(begun)] == [timedelta(minutes=1)] * 59
    assert abs(datetime.now(UTC) - begun[-1]) < timedelta(minutes=3)
    assert [(one["succeeded"], one["failed"]) for one in minutes if one["succeeded"]] == [(158, 58), (103, 3)]


async def test_what_is_still_to_be_sent_is_counted_by_owner(api: Platform) -> None:
    seller, other = await create_seller(api.conn), await create_seller(api.conn)
    key, others_key = await api.seller_key(seller.id), await api.seller_key(other.id)
    pushed = await create_subscription(api.conn, URL, seller_id=seller.id)
    pulled = await create_pulled_subscription(api.conn, seller_id=seller.id)
    of_operator = await create_subscription(api.conn, URL)
    await api.conn.execute("update change_events set published_at = now() where published_at is null")
    for state, count in (("PENDING", 2), ("RETRYING", 3), ("SENDING", 4), ("HELD", 5), ("DELIVERED", 6)):
        await create_due_events(api.conn, pushed, count, first_entity=count * 100, state=state)
    await create_due_events(api.conn, pulled, 7)
    await create_due_events(api.conn, of_operator, 11)
    await api.conn.execute(
        "update webhook_events set due_at = '2021-03-04' where id = (select min(id) from webhook_events)"
    )
    await api.conn.execute("update webhook_events set due_at = '2020-03-04' where webhook_id = $1", pulled.id)

    everything, own, others = await ask(api), await ask(api, key), await ask(api, others_key)

    oldest = "2021-03-04T00:00:00+00:00"
    assert everything["backlog"] == {
        "waiting": 23, "sending": 4, "held": 5, "oldestDueAt": oldest, "unpublishedSeconds": 0.0
    }  # fmt: skip
    assert own["backlog"] == {
        "waiting": 12, "sending": 4, "held": 5, "oldestDueAt": oldest, "unpublishedSeconds": None
    }  # fmt: skip
    assert others["backlog"] == {
        "waiting": 0, "sending": 0, "held": 0, "oldestDueAt": None, "unpublishedSeconds": None
    }  # fmt: skip
    assert (await ask(api, seller_id=seller.id))["backlog"] == own["backlog"]


async def test_the_age_of_what_is_not_published_is_told_to_the_operator(api: Platform) -> None:
    await api.conn.execute("update change_events set published_at = now() where published_at is null")
    await api.conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, recorded_at)"
        " values ('Invoice', 1, 'UPDATE', '{}', '[]', false, now() - interval '1 hour')"
    )

    backlog = (await ask(api))["backlog"]

    assert 3600 <= backlog["unpublishedSeconds"] < 4000


async def test_a_key_without_the_scope_is_refused(api: Platform) -> None:
    key = await create_key(api.conn, name="reads", seller_id=None, scopes=[Scope.READ])

    answer = await api.graphql(STATISTICS, {}, key)

    assert answer["data"] == {"deliveryStatistics": None}
    assert answer["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


async def test_messages_that_are_settled_count(api: Platform) -> None:
    webhook = await create_pulled_subscription(api.conn)
    await create_due_events(api.conn, webhook, 3)
    webhook_id = global_ids.encode("Webhook", webhook.id)
    taken = await api.mutate("webhookMessagesTake", "messages { id }", webhookId=webhook_id)
    one, *others = [message["id"] for message in taken["messages"]]

    await api.mutate("webhookMessagesAcknowledge", "", webhookId=webhook_id, ids=[one])
    await api.mutate("webhookMessagesAcknowledge", "", webhookId=webhook_id, ids=[one])
    await api.mutate("webhookMessagesReject", "", webhookId=webhook_id, ids=others)

    assert sums(await ask(api)) == (1, 2)


async def test_workers_that_add_at_the_same_time_do_not_wait_in_a_circle(
    conn: asyncpg.Connection, database_url: str
) -> None:
    sellers = [await create_seller(conn) for _ in range(2)]
    one, other = [(await create_subscription(conn, URL, seller_id=seller.id)).id for seller in sellers]
    # The minute may pass meanwhile.
    await conn.execute(
        "insert into delivery_minutes select date_trunc('minute', now()) + n * interval '1 min', id, 0, 0"
        " from sellers, generate_series(0, 9) n"
    )
    lock = f"update delivery_minutes set failed = 1 where seller_id = {sellers[0].id}"

    async with held(database_url, lock) as first:
        second = asyncio.create_task(add_deliveries(conn, {other: (1, 0), one: (1, 0)}))
        await first.reached("delivery_minutes")
        await add_deliveries(first.conn, {other: (1, 0)})
    await second

    rows = await conn.fetch("select seller_id, sum(succeeded), sum(failed) from delivery_minutes group by 1 order by 1")
    assert [tuple(row) for row in rows] == [(sellers[0].id, 1, 10), (sellers[1].id, 2, 0)]
