"""Counts of what webhooks were not told of: they add up, whoever adds them, and end with their webhook."""

import asyncio

import asyncpg

from app.webhooks.db.counts.webhook_skips import add_skips
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED
from schema.entities import global_ids
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller
from tests.support.held import held
from tests.support.platform import Platform

Conn = asyncpg.Connection
URL = "http://127.0.0.1:9/"
SKIPS = """
query($id: ID!) { node(id: $id) { ... on Webhook { skips { reason count firstAt lastAt } } } }
"""


async def counts(conn: Conn) -> list[tuple[int, str, int]]:
    rows = await conn.fetch("select webhook_id, reason, skipped from webhook_skips order by 1, 2")
    return [tuple(row) for row in rows]


async def test_counts_add_up(conn: Conn) -> None:
    one, other = [(await create_subscription(conn, URL)).id for _ in range(2)]

    await add_skips(conn, [(other, UNWATCHED, 2), (one, UNWATCHED, 1), (one, UNTRIGGERED, 5), (one, UNWATCHED, 3)])
    await add_skips(conn, [(one, UNWATCHED, 2**40)])
    await add_skips(conn, [])

    assert await counts(conn) == [(one, UNWATCHED, 4 + 2**40), (one, UNTRIGGERED, 5), (other, UNWATCHED, 2)]
    times = await conn.fetch("select first_at, last_at from webhook_skips where webhook_id = $1 order by reason", one)
    assert [row["last_at"] > row["first_at"] for row in times] == [True, False]


async def test_what_is_not_there_any_more_is_left_out(conn: Conn) -> None:
    webhook, deleted = [(await create_subscription(conn, URL)).id for _ in range(2)]
    await conn.execute("update webhooks set deleted_at = now(), is_enabled = false where id = $1", deleted)

    await add_skips(conn, [(deleted, UNWATCHED, 1), (WebhookId(999), UNWATCHED, 1), (webhook, UNWATCHED, 1)])

    assert await counts(conn) == [(webhook, UNWATCHED, 1)]


async def test_workers_that_add_at_the_same_time_do_not_wait_in_a_circle(conn: Conn, database_url: str) -> None:
    one, other = [((await create_subscription(conn, URL)).id, UNWATCHED, 1) for _ in range(2)]
    await add_skips(conn, [one, other])
    lock = f"update webhook_skips set skipped = 10 where webhook_id = {one[0]}"

    async with held(database_url, lock) as first:
        second = asyncio.create_task(add_skips(conn, [other, one]))
        await first.reached("webhook_skips")
        await add_skips(first.conn, [other])
    await second

    assert await counts(conn) == [(one[0], UNWATCHED, 11), (other[0], UNWATCHED, 3)]


async def test_a_webhook_shows_its_counts_in_the_order_in_which_they_began(api: Platform) -> None:
    seller, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook = await create_subscription(api.conn, URL, seller_id=seller.id)
    await add_skips(api.conn, [(webhook.id, UNWATCHED, 2**32)])
    await add_skips(api.conn, [(webhook.id, UNTRIGGERED, 1)])
    await add_skips(api.conn, [(webhook.id, UNWATCHED, 1)])
    variables = {"id": global_ids.encode("Webhook", webhook.id)}

    # The first answers are the executor's; then the query has its plan.
    answers = [await api.data(SKIPS, variables) for _ in range(4)]
    own = await api.data(SKIPS, variables, await api.seller_key(seller.id))
    foreign = await api.data(SKIPS, variables, await api.seller_key(other.id))

    shown = answers[0]["node"]["skips"]
    assert [(one["reason"], one["count"]) for one in shown] == [(UNWATCHED, "4294967297"), (UNTRIGGERED, "1")]
    assert shown[0]["lastAt"] > shown[0]["firstAt"]
    assert all(answer == answers[0] for answer in (*answers, own))
    assert foreign == {"node": None}
