"""`tellgraph listen --remote` with a real API, worker and endpoint: each of them a process but the endpoint."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from aiohttp import web

from app.auth.viewers import create_key
from schema.entities import global_ids
from tests.builders.deliveries import SIGNING_SECRET, create_pulled_subscription
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.forked_commands import ForkedProcess, fork_command
from tests.support.listeners import QUERY, RunningListener, listening
from tests.support.platform import SECRET_KEY, Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until


@dataclass(slots=True)
class Installation:
    """API and worker as processes; `url` stays the same when the API is restarted."""

    url: str
    conn: asyncpg.Connection
    environment: dict[str, str]
    folder: Path
    port: int
    api: ForkedProcess | None = None

    def _start(self, *arguments: str) -> ForkedProcess:
        log = self.folder / f"{arguments[0]}.log"
        return fork_command(arguments, self.environment, out=log, err=log)

    async def start_api(self) -> None:
        self.api = await asyncio.to_thread(self._start, "serve", "--port", str(self.port))
        async with httpx.AsyncClient() as http:

            async def is_ready() -> bool:
                try:
                    return (await http.get(f"{self.url}/readyz")).status_code == 200
                except httpx.TransportError:
                    return False

            await until(is_ready)

    async def stop_api(self) -> None:
        assert self.api is not None
        self.api.send_signal(signal.SIGTERM)
        await asyncio.to_thread(self.api.wait)

    async def seller_key(self) -> tuple[int, str]:
        seller = await create_seller(self.conn)
        return seller.id, await create_key(self.conn, name="a seller's", seller_id=seller.id)

    async def webhooks(self) -> list[tuple[bool, bool]]:
        """Whether each is temporary and deleted."""
        rows = await self.conn.fetch("select is_temporary, deleted_at is not null from webhooks order by id")
        return [tuple(row) for row in rows]


@pytest.fixture
async def installation(
    conn: asyncpg.Connection, database_url: str, redis_url: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    settings = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "SECRET_KEY": SECRET_KEY}
    environment = {**os.environ, **{f"TELLGRAPH_{name}": value for name, value in settings.items()}}
    running = Installation(f"http://127.0.0.1:{port}", conn, environment, tmp_path, port)
    worker = await asyncio.to_thread(running._start, "worker")
    try:
        await running.start_api()
        yield running
    finally:
        for process in (running.api, worker):
            if process is not None:
                process.kill()
                await asyncio.to_thread(process.wait)


@asynccontextmanager
async def listening_to_invoices(
    installation: Installation, key: str, *arguments: object
) -> AsyncIterator[RunningListener]:
    query = installation.folder / "invoice.graphql"
    query.write_text(QUERY)
    given = ("--type", "invoice", "--query", query, "--json", *arguments)
    async with listening(installation.url, key, installation.folder, *given) as listener:
        await listener.told("connected to")
        yield listener


async def lines(listener: RunningListener, count: int) -> list[dict[str, Any]]:
    async def look() -> list[dict[str, Any]]:
        return listener.lines if len(listener.lines) >= count else []

    return await until(look)


async def test_messages_are_forwarded_rejected_retried_and_outlive_a_restart(
    installation: Installation, receiver: Receiver
) -> None:
    conn, answers = installation.conn, iter([500, 204, 204])

    async def answer(_: Delivery) -> web.StreamResponse:
        status = next(answers)
        return web.Response(status=status, text="no room" if status == 500 else None)

    receiver.answering = answer
    seller_id, key = await installation.seller_key()
    await create_invoice(conn)  # another seller's, which the key does not see
    async with listening_to_invoices(installation, key, "--forward-to", receiver.url()) as listener:
        first = await create_invoice(conn, seller_id=seller_id)
        # The first retry follows at once.
        rejected, accepted = await lines(listener, 2)
        await installation.stop_api()
        await listener.told("connection lost")
        second = await create_invoice(conn, seller_id=seller_id)
        await installation.start_api()
        *_, after = await lines(listener, 3)
        code = await listener.stop()
    told = listener.err.read_text()

    assert code == 0, told
    assert (rejected["outcome"], rejected["signature"]) == ("rejected", "verified")
    assert rejected["forwarded"]["status"] == 500
    assert rejected["forwarded"]["answer"] == "no room"
    assert (accepted["outcome"], accepted["headers"]["tellgraph-attempt"]) == ("acknowledged", "2")
    assert [one["body"]["payload"]["data"]["node"]["legacyId"] for one in (rejected, accepted, after)] == [
        *(first.id, first.id, second.id)
    ]
    posted, again, _ = receiver.deliveries
    assert posted.body == again.body
    assert posted.json == rejected["body"]
    assert posted.headers.items() >= rejected["headers"].items()
    attempts = await conn.fetch("select number, status, error_kind, error, api_key_name from delivery_attempts")
    assert {tuple(row) for row in attempts} == {
        (1, None, "REJECTED", "HTTP 500: no room", "a seller's"),
        (2, 200, None, None, "a seller's"),
        (1, 200, None, None, "a seller's"),
    }
    assert "connected again" in told
    assert await installation.webhooks() == [(True, True)]


async def test_the_webhook_of_a_killed_listener_is_swept_after_an_hour(installation: Installation) -> None:
    _, key = await installation.seller_key()
    async with listening_to_invoices(installation, key) as listener:
        taken_at = "select last_taken_at from webhook_takers"
        await until(lambda: installation.conn.fetchval(taken_at))
        listener.process.kill()
        await listener.ended()
    before = await installation.webhooks()

    async def is_swept() -> bool:
        # The API may still wait for the killed listener, and note it once more.
        await installation.conn.execute(
            """
            update webhooks set created_at = now() - interval '61 min';
            update webhook_takers set last_taken_at = now() - interval '61 min'
            """
        )
        return await installation.webhooks() == [(True, True)]

    assert before == [(True, False)]
    await until(is_swept)


async def test_messages_of_a_lasting_webhook_wait_for_the_listener(api: Platform, tmp_path: Path) -> None:
    seller = await create_seller(api.conn)
    key = await api.seller_key(seller.id)
    webhook = await create_pulled_subscription(api.conn, seller_id=seller.id, query_string=QUERY)
    global_id = global_ids.encode("Webhook", webhook.id)
    sent = await api.mutate("webhookTest", "webhookEvent { id }", webhookId=global_id)
    given = ("--webhook", webhook.id, "--limit", 1, "--secret", SIGNING_SECRET)
    async with listening(api.url, key, tmp_path, *given) as listener:
        code = await listener.ended()
        shown = listener.out.read_text()
    stranger = await api.seller_key((await create_seller(api.conn)).id)
    async with listening(api.url, stranger, tmp_path, *given) as strange:
        refused = await strange.ended()

    assert (sent["status"], code, refused) == (200, 0, 1)
    assert "invoice.test" in shown
    assert "signature verified" in shown
    assert f"  webhook-id: {sent['webhookEvent']['id']}\n" in shown
    assert "There is no such webhook, or it is not this key's to see." in strange.err.read_text()
    assert await api.conn.fetchval("select deleted_at from webhooks") is None


@pytest.mark.parametrize(
    ("query", "options", "message"),
    [
        ("query($id: ID!) { node(id: $id) { ... on Invoice { price } } }", (), "Cannot query field 'price'"),
        (QUERY, ("--filter", "data.node.("), "filter: "),
        (QUERY, ("--triggers", "statusFlags,colour"), "triggers"),
    ],
)
async def test_what_does_not_fit_the_schema_is_refused(
    api: Platform, tmp_path: Path, query: str, options: tuple[str, ...], message: str
) -> None:
    file = tmp_path / "query.graphql"
    file.write_text(query)
    async with listening(api.url, api.key, tmp_path, "--type", "INVOICE", "--query", file, *options) as listener:
        code = await listener.ended()

    assert code == 2
    assert message in listener.err.read_text()
    assert await api.conn.fetchval("select count(*) from webhooks") == 0
