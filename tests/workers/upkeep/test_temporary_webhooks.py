"""Temporary webhooks: who takes their messages is noted, and the sweep deletes those whose taker is gone."""

from typing import Any

import asyncpg

from app.webhooks.db.taking.webhook_takers import note_taker
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_pulled_subscription
from tests.support.platform import Platform
from workers.resources import Resources
from workers.upkeep.sweep import sweep_all

CREATE = "webhook { id isTemporary lastTakenAt }"


async def age(conn: asyncpg.Connection, webhook_id: int, interval: str) -> None:
    """Let a webhook be as old as that, and its last taker, too."""
    await conn.execute(f"update webhooks set created_at = now() - interval '{interval}' where id = $1", webhook_id)
    await conn.execute(
        f"update webhook_takers set last_taken_at = now() - interval '{interval}' where webhook_id = $1", webhook_id
    )


async def deleted(conn: asyncpg.Connection) -> list[int]:
    rows = await conn.fetch("select id from webhooks where deleted_at is not null order by id")
    return [row["id"] for row in rows]


async def test_the_sweep_deletes_temporary_webhooks_that_nobody_asks_for_messages(
    conn: asyncpg.Connection, resources: Resources
) -> None:
    gone, never_taken, taken, young = [await create_pulled_subscription(conn, is_temporary=True) for _ in range(4)]
    kept = await create_pulled_subscription(conn)
    await note_taker(conn, [gone.id])
    await create_due_events(conn, gone, 2)
    for webhook in (gone, never_taken, taken, kept):
        await age(conn, webhook.id, "61 min")
    await age(conn, young.id, "59 min")
    await note_taker(conn, [taken.id])

    await sweep_all(resources)

    assert await deleted(conn) == [gone.id, never_taken.id]
    states = await conn.fetch("select state, reason from webhook_events")
    assert {tuple(row) for row in states} == {("CANCELLED", "The webhook was deleted.")}
    entries = await conn.fetch("select actor, action, entity_id from audit_entries where action = 'webhook.update'")
    assert {tuple(row) for row in entries} == {
        ("tellgraph", "webhook.update", id_) for id_ in (gone.id, never_taken.id)
    }


async def test_more_of_them_than_one_sweep_deletes_are_deleted_by_the_next(
    conn: asyncpg.Connection, resources: Resources
) -> None:
    webhooks = [await create_pulled_subscription(conn, is_temporary=True) for _ in range(15)]
    for webhook in webhooks:
        await age(conn, webhook.id, "2 h")

    await sweep_all(resources)
    first = await deleted(conn)
    await sweep_all(resources)

    assert len(first) == 10
    assert await deleted(conn) == [webhook.id for webhook in webhooks]


async def test_a_taker_is_noted_once_a_minute(conn: asyncpg.Connection) -> None:
    first, second = [await create_pulled_subscription(conn) for _ in range(2)]
    sql = "select webhook_id, last_taken_at, xmin::text from webhook_takers order by webhook_id"

    await note_taker(conn, [first.id])
    begun = await conn.fetch(sql)
    await note_taker(conn, [second.id, first.id])
    soon = await conn.fetch(sql)
    await conn.execute("update webhook_takers set last_taken_at = last_taken_at - interval '61 s'")
    await note_taker(conn, [first.id, second.id])
    later = await conn.fetch(sql)

    assert soon[0] == begun[0]
    assert [row["webhook_id"] for row in soon] == [first.id, second.id]
    assert all(new["last_taken_at"] >= old["last_taken_at"] for new, old in zip(later, soon, strict=True))
    assert {row["xmin"] for row in later}.isdisjoint(row["xmin"] for row in soon)


async def test_noting_a_webhook_that_is_gone_is_no_fault(conn: asyncpg.Connection) -> None:
    webhook = await create_pulled_subscription(conn)

    await note_taker(conn, [webhook.id, type(webhook.id)(10**9)])

    assert await conn.fetchval("select array_agg(webhook_id) from webhook_takers") == [webhook.id]


async def test_a_temporary_webhook_is_pulled_and_says_so(api: Platform) -> None:
    attributes: dict[str, Any] = {"type": "INVOICE", "delivery": "PULL"}
    temporary = await api.mutate("webhookCreate", CREATE, attributes={**attributes, "temporary": True})
    lasting = await api.mutate("webhookCreate", CREATE, attributes=attributes)
    pushed = await api.mutate(
        "webhookCreate", CREATE, attributes={"type": "INVOICE", "url": "https://example.com/", "temporary": True}
    )
    id_ = temporary["webhook"]["id"]
    await note_taker(api.conn, [global_ids.key_of(id_, "Webhook", field="id")])  # type: ignore[list-item]
    query = "query($id: ID!) { node(id: $id) { ... on Webhook { lastTakenAt } } }"
    shown = await api.data(query, {"id": id_})

    assert (temporary["webhook"]["isTemporary"], temporary["webhook"]["lastTakenAt"]) == (True, None)
    assert lasting["webhook"]["isTemporary"] is False
    assert shown["node"]["lastTakenAt"] is not None
    assert (pushed["status"], pushed["errors"][0]["field"]) == (422, "attributes.temporary")
