"""A query that makes our own code raise: its webhook's event says so, and nobody else notices."""

import asyncio

import asyncpg
import pytest

from schema.entities import global_ids
from tests.builders.crowds import create_variants, create_webhooks
from tests.builders.sellers import create_seller
from tests.support.canary import Scene, running_scene
from tests.support.load import IS_LONG
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.sink import running_sink
from tests.support.waiting import until
from tests.support.worker_process import COMMAND, started

pytestmark = pytest.mark.faults

VARIANTS = 300 if IS_LONG else 30
HEALTHY, NO_PLAN, NEITHER = "/sink/1", "/sink/2", "/sink/3"
SELECTIONS = ("sku", "sku breaksPlan: countOnHand", "sku breaksPlan: countOnHand breaksReference: label")
_REPLAY = "mutation($id: ID!) { webhookEventReplay(input: {webhookEventId: $id}) { status errors { messages } } }"


async def test_a_query_that_makes_us_raise_fails_alone_visibly_and_can_be_run_again(
    api: Platform, database_url: str, redis_url: str, receiver: Receiver
) -> None:
    conn = await asyncpg.connect(database_url)
    with running_sink() as sink:
        seller = await create_seller(conn)
        await create_variants(conn, VARIANTS, seller_id=seller.id)
        *_, failing = await create_webhooks(conn, sink.url(), SELECTIONS, seller_id=seller.id)
        command = ("-m", "tests.support.raising_worker")
        async with running_scene(database_url, redis_url, receiver, sink, command=command) as scene:
            async with scene.storm("queries that make us raise") as figures:
                await conn.execute("update variants set sku = 'new', count_on_hand = 7")
                await scene.settle()
            states = await scene.states()
            reasons = await conn.fetch(
                "select distinct webhook_id, reason from webhook_events where state = 'RENDER_FAILED'"
            )
            told = [one.path for one in sink.posts()]
            await cure(scene)
            failed = await conn.fetch("select id from webhook_events where state = 'RENDER_FAILED'")
            for row in failed:
                again = await api.data(_REPLAY, {"id": global_ids.encode("WebhookEvent", row["id"])})
                assert again["webhookEventReplay"] == {"status": 200, "errors": None}
            await until(lambda: all_superseded(scene))
            await scene.settle()
            ended = await scene.states()

        # What has no plan is rendered by the reference executor.
        assert states == {"DELIVERED": 2 * VARIANTS, "RENDER_FAILED": VARIANTS}
        assert {path: told.count(path) for path in (HEALTHY, NO_PLAN, NEITHER)} == {
            HEALTHY: VARIANTS,
            NO_PLAN: VARIANTS,
            NEITHER: 0,
        }
        assert [row["webhook_id"] for row in reasons] == [failing]
        assert all(row["reason"] for row in reasons)
        assert ended == {"DELIVERED": 3 * VARIANTS, "SUPERSEDED": VARIANTS}
        assert [one.path for one in sink.posts()].count(NEITHER) == VARIANTS
        scene.check(figures)
    await conn.close()


async def cure(scene: Scene) -> None:
    """Start the workers anew, from code that doesn't raise."""
    for worker in scene.workers:
        worker.kill()
        worker.command = COMMAND
    await asyncio.gather(*(started(worker) for worker in scene.workers))


async def all_superseded(scene: Scene) -> bool:
    return (await scene.states()).get("RENDER_FAILED", 0) == 0
