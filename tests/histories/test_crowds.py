"""More webhooks on one entity than a publishing step takes, in histories whose publishers die between two steps."""

import random
from collections import Counter

import asyncpg
import pytest

from tests.builders.crowds import create_webhooks
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.histories.mirror import Mirror
from tests.histories.workers import running_workers
from tests.support.load import IS_LONG
from tests.support.outbox import Publisher, running_publisher
from workers.publish.budget import MAX_MATCHES
from workers.publish.job import publish_all, publish_batch

CROWD = MAX_MATCHES + 100
SEEDS = range(20) if IS_LONG else range(1)
CHANGES = 6
_UNPUBLISHED = "select exists (select from change_events where published_at is null and entity_type = 'Variant')"


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_crowd_of_copies_of_one_variant_is_what_the_owners_see(
    conn: asyncpg.Connection, database_url: str, seed: int
) -> None:
    chance, done = random.Random(seed), Counter[str]()
    sellers = [int((await create_seller(conn)).id) for _ in range(2)]
    mirror = Mirror()
    async with running_publisher(conn, database_url) as publisher, running_workers([publisher.resources]) as workers:
        crowd = await create_webhooks(conn, "http://127.0.0.1:9", ["value: countOnHand"] * CROWD, seller_id=sellers[0])
        variant = (await create_variant(conn, seller_id=sellers[0])).id
        for number in range(CHANGES):
            # The first one is told to the whole crowd, by more than one step.
            is_first = number == 0
            change = "count" if is_first else chance.choice(["count", "count", "move", "back", "delete", "restore"])
            done[change] += 1
            await make(conn, change, int(variant), sellers, number)
            if is_first or chance.random() < 0.5:
                # Half published: some webhooks are told, the others wait.
                await publish_batch(publisher.resources)
                done["half published"] += bool(await conn.fetchval(_UNPUBLISHED))
            if chance.random() < 0.3:
                await workers.publish_and_die(chance.uniform(0, 0.3))
            if chance.random() < 0.5:
                await deliver(conn, publisher, mirror)
        for change in ("restore", "back", "count"):
            await make(conn, change, int(variant), sellers, CHANGES)
        await deliver(conn, publisher, mirror)

    seen = {(webhook, "Variant", int(variant)): 100 + CHANGES for webhook in crowd}
    assert mirror.compare(seen) == [], done
    assert done["half published"], done


async def make(conn: asyncpg.Connection, change: str, variant: int, sellers: list[int], number: int) -> None:
    statements = {
        "count": f"update variants set count_on_hand = {100 + number} where id = $1",
        "move": f"update variants set seller_id = {sellers[1]} where id = $1",
        "back": f"update variants set seller_id = {sellers[0]} where id = $1",
        "delete": "update variants set deleted_at = now() where id = $1 and deleted_at is null",
        "restore": "update variants set deleted_at = null where id = $1",
    }
    await conn.execute(statements[change], variant)


async def deliver(conn: asyncpg.Connection, publisher: Publisher, mirror: Mirror) -> None:
    await publish_all(publisher.resources)
    await publisher.deliver()
    await mirror.listen(conn)
