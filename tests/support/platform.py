"""The whole of Tellgraph in one test: API over HTTP, a worker, keys, and the database behind them."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import uvicorn
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.auth.viewers import create_key
from app.http.limits.connections import server_config
from app.main import create_app
from app.settings import Settings
from tests.support.mutation_inputs import input_type
from tests.support.waiting import until
from workers.process import run_worker

SECRET_KEY = base64.b64encode(bytes(range(32))).decode()


class GivenSettings(Settings):
    """Settings that are given, or the defaults. Looking for each in the environment takes 10 ms, in every test."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_for(database_url: str, redis_url: str | None = None, **overrides: Any) -> Settings:
    """Settings of a test: webhooks may reach loopback."""
    return GivenSettings(
        database_url=database_url,
        redis_url=redis_url,
        secret_key=SECRET_KEY,
        egress_allow="127.0.0.0/8",  # type: ignore[arg-type]  # split by the field's validator
        egress_allow_sellers="127.0.0.0/8",  # type: ignore[arg-type]
        port=0,
        **overrides,
    )


async def all_published(conn: asyncpg.Connection) -> None:
    """Wait until a worker has published all that was recorded. Webhooks that are registered then are told of none."""
    await until(lambda: conn.fetchval("select not exists (select from change_events where published_at is null)"))


@dataclass(slots=True, kw_only=True)
class Platform:
    """`graphql` speaks as the operator, or with another key. `has_worker`: changes are published meanwhile."""

    url: str
    key: str
    conn: asyncpg.Connection
    settings: Settings
    http: httpx.AsyncClient
    has_worker: bool = False

    async def post(self, query: str, variables: dict[str, Any] | None = None, key: str | None = None) -> httpx.Response:
        return await self.http.post(
            f"{self.url}/graphql",
            json={"query": query, "variables": variables},
            headers={"Authorization": f"Bearer {key or self.key}"},
        )

    async def graphql(self, query: str, variables: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """The response of an operation that is answered with HTTP 200."""
        response = await self.post(query, variables, key)
        assert response.status_code == 200, response.text
        return response.json()

    async def data(self, query: str, variables: dict[str, Any] | None = None, key: str | None = None) -> Any:
        """The data of an operation that gives no errors."""
        response = await self.graphql(query, variables, key)
        assert "errors" not in response, response
        return response["data"]

    async def mutate(self, name: str, selection: str, /, key: str | None = None, **given: Any) -> Any:
        """Run a mutation that takes an input: its payload, with `status`, `errors` and what is selected."""
        document = (
            f"mutation($input: {input_type(name)}) {{ {name}(input: $input)"
            f" {{ status errors {{ field messages }} {selection} }} }}"
        )
        return (await self.data(document, {"input": given}, key))[name]

    async def seller_key(self, seller_id: int) -> str:
        return await create_key(self.conn, name="a seller's", seller_id=seller_id)  # type: ignore[arg-type]

    async def create_webhook(self, url: str | None, query: str = "", key: str | None = None, **attributes: Any) -> Any:
        """Register a webhook, which is told of nothing that was recorded before; the mutation's payload."""
        if self.has_worker:
            # Not the test's connection, which may be in use.
            conn = await asyncpg.connect(self.settings.database_url)
            try:
                await all_published(conn)
            finally:
                await conn.close()
        data = await self.data(
            """
            mutation($attributes: WebhookCreateAttributes!) {
              webhookCreate(input: {attributes: $attributes}) {
                status hmacKey errors { field messages } webhook { id queryString enabled }
              }
            }
            """,
            {
                "attributes": {
                    **({} if url is None else {"url": url}),
                    "type": "INVOICE",
                    "queryString": query,
                    **attributes,
                }
            },
            key,
        )
        return data["webhookCreate"]


@asynccontextmanager
async def running_api(settings: Settings) -> AsyncIterator[str]:
    """The API on a free port; its URL."""
    server = uvicorn.Server(server_config(create_app(settings), settings, host="127.0.0.1", port=0, lifespan="on"))
    # The test owns the signals.
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    while not server.started:
        assert not serving.done(), serving.exception()
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def running_worker(settings: Settings) -> AsyncIterator[None]:
    """A worker in this process, as `tellgraph worker` runs it."""
    stopping = asyncio.Event()
    working = asyncio.create_task(run_worker(settings, stopping=stopping))
    try:
        yield
    finally:
        stopping.set()
        await working


@asynccontextmanager
async def running_platform(settings: Settings, *, with_worker: bool = True) -> AsyncIterator[Platform]:
    assert settings.database_url is not None
    conn = await asyncpg.connect(settings.database_url)
    try:
        key = await create_key(conn, name="the operator's", seller_id=None)
        # Reading the system's certificates, which no request needs, would cost as much as the rest of most tests.
        async with running_api(settings) as url, httpx.AsyncClient(timeout=120, verify=False) as http:
            platform = Platform(url=url, key=key, conn=conn, settings=settings, http=http)
            if not with_worker:
                yield platform
                return
            platform.has_worker = True
            async with running_worker(settings):
                yield platform
    finally:
        await conn.close()
