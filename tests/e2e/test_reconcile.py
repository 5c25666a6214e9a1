"""A receiver whose copy was damaged at random is mended by one reconcile: with one POST for each row that differed."""

import asyncio
import hashlib
import json
import random
from typing import Any

import orjson
import pytest

from schema.entities.global_ids import encode
from tests.builders.invoices import create_invoice, create_line_item
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.waiting import until

QUERY = """
query($id: ID!) {
  node(id: $id) { ... on Invoice { id totalCents taxRate buyerMessageToSeller lineItems { id quantity } } }
}
"""
DIGESTS = """
query($id: ID!, $after: String) {
  webhookDigests(webhookId: $id, first: 7, after: $after) {
    totalCount nodes { entityId digest sequence } pageInfo { hasNextPage endCursor }
  }
}
"""
#: By entity.
Copy = dict[str, Any]


def digest_of(payload: Any) -> str:
    """Compute the digest of a stored payload, as the docs tell a receiver to."""
    return hashlib.sha256(json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()).hexdigest()


def apply(copy: Copy, receiver: Receiver, since: int) -> None:
    """Apply the deliveries from number `since` on to a copy."""
    for one in receiver.deliveries[since:]:
        body = one.json
        assert one.headers["tellgraph-digest"] == digest_of(body["payload"])
        if body["event_name"] == "destroy":
            copy.pop(body["entity"]["id"], None)
        else:
            copy[body["entity"]["id"]] = body["payload"]


async def read_digests(platform: Platform, webhook_id: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    after = None
    while True:
        page = (await platform.data(DIGESTS, {"id": webhook_id, "after": after}))["webhookDigests"]
        found |= {node["entityId"]: node["digest"] for node in page["nodes"]}
        if not page["pageInfo"]["hasNextPage"]:
            assert len(found) == page["totalCount"]
            return found
        after = page["pageInfo"]["endCursor"]


async def reconcile(platform: Platform, webhook_id: str, **given: Any) -> Any:
    """Reconcile until everything is confirmed. Returns the reconcile."""
    started = await platform.mutate("webhookReconcile", "webhookReconcile { id }", webhookId=webhook_id, **given)
    assert started["status"] == 200, started

    async def confirmed() -> Any:
        fields = "... on WebhookReconcile { state total done sent failed confirmedAt startedAt }"
        node = (
            await platform.data(
                f"query($id: ID!) {{ node(id: $id) {{ {fields} }} }}", {"id": started["webhookReconcile"]["id"]}
            )
        )["node"]
        return node if node["confirmedAt"] else None

    return await until(confirmed)


async def expected(platform: Platform) -> Copy:
    """Return the results of the query for all that there is."""
    ids = await platform.conn.fetch("select id from invoices order by id")
    results = [await platform.graphql(QUERY, {"id": encode("Invoice", row["id"])}) for row in ids]
    for one in results:
        one.pop("extensions", None)
    return {encode("Invoice", row["id"]): one for row, one in zip(ids, results, strict=True)}


def damage(chance: random.Random, copy: Copy) -> set[str]:
    """Drop, change and add rows. Returns the ids of the rows that differ."""
    ids = sorted(copy)
    chance.shuffle(ids)
    dropped, changed = ids[: chance.randrange(8)], ids[10 : 10 + chance.randrange(8)]
    added = [encode("Invoice", 10**9 + place) for place in range(chance.randrange(8))]
    for one in dropped:
        del copy[one]
    for one in changed:
        copy[one] = orjson.loads(orjson.dumps(copy[one]))
        copy[one]["data"]["node"]["totalCents"] += 1
    for one in added:
        copy[one] = {"data": {"node": {"id": one}}}
    return {*dropped, *changed, *added}


@pytest.mark.parametrize("seed", range(3))
async def test_a_damaged_copy_equals_the_results_after_one_reconcile(
    platform: Platform, receiver: Receiver, seed: int
) -> None:
    chance, conn = random.Random(seed), platform.conn
    invoices = []
    for number in range(30):
        text = 'größer \u2028 "x" \\ / \t\x7f\x01😀'
        invoices.append(await create_invoice(conn, total_cents=number, tax_rate=0.1, buyer_message_to_seller=text))
        await create_line_item(conn, invoice_id=invoices[-1].id, quantity=number + 1)
    await until_quiet(platform)
    webhook_id = (await platform.create_webhook(receiver.url(), QUERY))["webhook"]["id"]
    copy: Copy = {}
    # The first reconcile fills the copy.
    first = await reconcile(platform, webhook_id)
    await conn.execute(
        "update invoices set total_cents = total_cents + 1000 where id = any($1::bigint[])",
        [one.id for one in chance.sample(invoices, 3)],
    )
    await until_quiet(platform)
    apply(copy, receiver, 0)
    assert copy == await expected(platform)

    differing = damage(chance, copy)
    known = await read_digests(platform, webhook_id)
    found = {one for one in {*copy, *known} if one not in copy or known.get(one) != digest_of(copy[one])}
    before = len(receiver.deliveries)
    if found:
        await reconcile(platform, webhook_id, entityIds=sorted(found))
    apply(copy, receiver, before)
    second = await reconcile(platform, webhook_id)

    assert (first["total"], first["sent"], first["failed"]) == (30, 30, 0)
    assert found == differing
    assert copy == await expected(platform)
    assert len(receiver.deliveries) - before == len(differing)
    assert (second["done"], second["sent"]) == (30, 0)


async def until_quiet(platform: Platform) -> None:
    """Wait until nothing is to be published or delivered."""

    async def quiet() -> bool:
        return not await platform.conn.fetchval(
            "select exists (select from change_events_open) or exists (select from webhook_events_open)"
        )

    await until(quiet)


async def test_a_change_does_not_wait_for_the_end_of_a_reconcile(platform: Platform, receiver: Receiver) -> None:
    conn = platform.conn
    invoices = [await create_invoice(conn) for _ in range(200)]
    await until_quiet(platform)
    webhook_id = (await platform.create_webhook(receiver.url(), QUERY, rateLimit=20))["webhook"]["id"]
    await platform.mutate("webhookReconcile", "webhookReconcile { id }", webhookId=webhook_id)
    await receiver.wait_for(lambda one: one.json["entity"]["id"] == encode("Invoice", invoices[0].id))

    await conn.execute("update invoices set total_cents = 4711 where id = $1", invoices[0].id)
    await receiver.wait_for(lambda one: one.data["node"]["totalCents"] == 4711)

    assert await conn.fetchval("select state from webhook_reconciles") == "RUNNING"
    assert len(receiver.deliveries) < 200


async def test_beside_changes_the_newest_state_wins_and_nothing_is_sent_twice(
    platform: Platform, receiver: Receiver
) -> None:
    chance, conn = random.Random(13), platform.conn
    ids = [(await create_invoice(conn)).id for _ in range(60)]
    await until_quiet(platform)
    webhook_id = (await platform.create_webhook(receiver.url(), QUERY))["webhook"]["id"]

    running = asyncio.create_task(reconcile(platform, webhook_id, ratePerSecond=60))
    number = 0
    while not running.done():
        number += 1
        statement = chance.choice(["update", "update", "update", "delete", "create"])
        if statement == "update":
            await conn.execute(
                "update invoices set total_cents = $2 where id = $1", chance.choice(ids), chance.randrange(3)
            )
        elif statement == "delete" and number % 5 == 0:
            await conn.execute("delete from invoices where id = $1", ids.pop(chance.randrange(len(ids))))
        elif statement == "create" and number % 5 == 0:
            ids.append((await create_invoice(conn)).id)
        await asyncio.sleep(0.01)
    await running
    await until_quiet(platform)

    copy: Copy = {}
    sequences: dict[str, int] = {}
    gone: set[str] = set()
    for one in receiver.deliveries:
        body = one.json
        entity, payload = body["entity"]["id"], body["payload"]
        assert sequences.get(entity, 0) < body["sequence"]
        sequences[entity] = body["sequence"]
        if body["event_name"] == "destroy":
            # One that was there before the webhook may end before the reconcile comes to it.
            assert copy.pop(entity, None) is not None or entity not in gone
            gone.add(entity)
        else:
            assert copy.get(entity) != payload
            copy[entity] = payload
    assert copy == await expected(platform)
    again = await reconcile(platform, webhook_id)
    assert (again["sent"], again["failed"]) == (0, 0)
