"""The API shows webhook events whose content is stored more than once, or partly gone."""

from datetime import timedelta
from typing import Any

from app.webhooks.db import retention
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import Platform

LIST = """{ webhookEvents { totalCount nodes { id state payloadText attempts { number } supersededBy { id } } } }"""


async def events_of(api: Platform) -> list[dict[str, Any]]:
    listed = (await api.graphql(LIST))["data"]["webhookEvents"]
    nodes: list[dict[str, Any]] = listed["nodes"]
    assert listed["totalCount"] == len(nodes)
    return nodes


async def test_content_that_is_stored_for_several_days_is_shown_once(api: Platform) -> None:
    webhook = await create_subscription(api.conn, "http://127.0.0.1:9/")
    first, second = await create_due_events(api.conn, webhook, 2, state="DELIVERED")
    body = '{"data":{"node":{"__typename":"Invoice"}}}'
    await api.conn.execute("insert into payloads (digest, day, body) select digest, day - n, body from payloads"
                           " cross join generate_series(1, 3) n")  # fmt: skip

    # The first answers are the executor's; then the query has its plan.
    answers = [await events_of(api) for _ in range(8)]

    for nodes in answers:
        shown = [(node["id"], node["payloadText"]) for node in nodes]
        assert shown == [(global_ids.encode("WebhookEvent", one), body) for one in (second, first)]


async def test_an_event_outlives_its_old_attempts_and_what_it_points_to(api: Platform) -> None:
    webhook = await create_subscription(api.conn, "http://127.0.0.1:9/")
    (event_id,) = await create_due_events(api.conn, webhook, state="SUPERSEDED")
    old = await retention.today(api.conn) - timedelta(days=40)
    await api.conn.execute("select add_partition('delivery_attempts', $1::date, $1::date + 1)", old)
    await api.conn.execute("update webhook_events set superseded_by = 999")
    await api.conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at) select $1, $2::bigint, n,"
        " $3::date + n * interval '40 d' from generate_series(0, 1) n",
        webhook.id,
        event_id,
        old,
    )
    (before,) = await events_of(api)

    await api.conn.execute(f"drop table delivery_attempts_{old:%Y%m%d}")
    (after,) = await events_of(api)

    assert before["attempts"] == [{"number": 0}, {"number": 1}]
    assert after == {**before, "attempts": [{"number": 1}], "supersededBy": None}
