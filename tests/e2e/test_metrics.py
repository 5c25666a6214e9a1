"""The metrics of a worker that has published and delivered tell so."""

import asyncio
import socket
import urllib.request
from datetime import UTC, datetime, timedelta

import asyncpg
from prometheus_client.parser import text_string_to_metric_families

from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.invoices import create_invoice
from tests.support.receiver import Receiver
from tests.support.waiting import COMMAND_DEADLINE_S, DEADLINE_S, until
from tests.support.worker_process import started, worker_process

DELIVERED = "tellgraph_delivery_attempts_total2xx"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def figures(port: int) -> dict[str, float]:
    """Name and labels → value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        samples = [sample for family in families for sample in family.samples]
    return {"".join([one.name, *one.labels.values()]): one.value for one in samples if one.name.startswith("tellgraph")}


async def test_worker_tells_what_it_has_done_and_what_waits(
    conn: asyncpg.Connection, database_url: str, redis_url: str, receiver: Receiver
) -> None:
    await create_subscription(conn, receiver.url("/hook"))
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    paused = await create_subscription(conn, receiver.url("/hook"), event_names=["DESTROY"], paused_until=in_an_hour)
    await create_due_events(conn, paused, 3)
    await conn.execute("update webhook_events set due_at = now() - interval '1 hour'")
    await create_invoice(conn)
    port = free_port()

    with worker_process(database_url, redis_url, metrics_port=port) as worker:
        await started(worker)

        async def all_told() -> dict[str, float]:
            found = figures(port)
            return found if found["tellgraph_oldest_overdue_seconds"] and found.get(DELIVERED) else {}

        found = await until(all_told)
        assert await worker.stop() == 0

    assert found[DELIVERED] == found["tellgraph_delivery_attempt_seconds_count"] == 1
    assert found["tellgraph_webhook_events_made_totalPENDING"] == 1
    assert found["tellgraph_renderings_totalplan"] == 1
    assert found["tellgraph_change_events_published_total"] >= 1
    assert 3600 <= found["tellgraph_oldest_overdue_seconds"] < 3900


async def test_port_that_is_taken_is_named(database_url: str, redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with worker_process(database_url, redis_url, metrics_port=port) as worker:
            worker.start()
            assert worker.process is not None
            assert await asyncio.to_thread(worker.process.wait, COMMAND_DEADLINE_S) == 1
            assert f"127.0.0.1:{port} can't be listened on" in " ".join(worker.read().split())
            worker.process = None
