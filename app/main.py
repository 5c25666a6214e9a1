"""The HTTP application: routes, lifespan, and the GraphQL endpoint over the one schema."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from app.auth.key_uses import KeyUses
from app.auth.viewers import credential
from app.console import console_routes, graphql_page
from app.docs.routes import docs_routes
from app.http.cors import allow_origins, may_connect
from app.http.fallbacks import EXCEPTION_HANDLERS
from app.http.graphql_view import METHODS, OperationResult, read_operation, refuse, respond
from app.http.health import health_routes
from app.http.limits.keys import Keys
from app.http.limits.lanes import Lanes, open_resources
from app.http.limits.rate_limit import RateLimiter
from app.http.limits.refusals import report_refusal
from app.http.negotiation import accepts_stream, prefers_page, prefers_stream
from app.http.refused_requests import answer_or_refuse
from app.http.request_ids import RequestIds
from app.http.streams.event_stream import EventStream
from app.http.streams.graphql_ws import GraphQLSocket
from app.http.streams.long_poll import LongPoll
from app.http.streams.open_streams import OpenStreams
from app.settings import Settings
from app.webhooks.streams.hub import Hub
from schema import documents, schema
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import Plans
from schema.serving.keyed_operation import KeyedOperation
from schema.serving.operations import Operations, UnknownQuery
from schema.serving.served_documents import document_routes
from schema.serving.subscriptions import StreamedOperations
from schema.stored.check import background_marking
from workers.process import run_worker


def create_app(settings: Settings, *, with_worker: bool = False) -> Starlette:
    """Return the ASGI application.

    Args:
        with_worker: Whether one worker runs in the same process.
    """
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    light, heavy = open_resources(settings)
    plan_executor = PlanExecutor(documents=documents, plans=Plans(schema._schema, documents))
    lanes, rate, key_uses = Lanes(settings, light=light, heavy=heavy), RateLimiter(settings), KeyUses()
    database, streams = light.database, OpenStreams(settings)
    hub = Hub(settings.database_url, timeout_s=settings.database_timeout_s)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        async with database:
            worker = asyncio.create_task(run_worker(settings, stopping=stopping)) if with_worker else None
            try:
                async with (
                    background_marking(database, schema._schema),
                    key_uses.stored_regularly(database),
                    streams.keys_checked(database),
                ):
                    yield
            finally:
                await hub.close()
                plan_executor.plans.close()
                await rate.close()
                await lanes.close()
                await light.filters.close()
                stopping.set()
                if worker is not None:
                    await worker

    operations = Operations(
        resources=light,
        lanes=lanes,
        rate=rate,
        keys=Keys(database),
        key_uses=key_uses,
        settings=settings,
        plan_executor=plan_executor,
        hub=hub,
    )
    streamed = StreamedOperations(operations=operations, streams=streams)
    endpoint = _Endpoint(operations=operations, streamed=streamed, settings=settings)
    graphql = Route("/graphql", allow_origins(endpoint, settings.cors_origins))
    sockets = WebSocketRoute("/graphql", _Sockets(streamed=streamed, origins=settings.cors_origins))
    described = document_routes(operations)
    routes = [graphql, sockets, *described, *health_routes(database), *docs_routes(), *console_routes()]
    application = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers=EXCEPTION_HANDLERS, middleware=[Middleware(RequestIds)]
    )
    application.state.plan_executor = plan_executor
    application.state.streams = streams
    return application


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """The GraphQL endpoint. It is an ASGI application, because Starlette's wrapper of functions slows each request."""

    operations: Operations
    streamed: StreamedOperations
    settings: Settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        accept = request.headers.get("accept", "")
        is_page = request.method in ("GET", "HEAD") and prefers_page(accept)
        response = graphql_page() if is_page else await self._answer(request, accept)
        await response(scope, receive, send)

    async def _answer(self, request: Request, accept: str) -> Response:
        if request.method not in METHODS:
            methods = ", ".join(METHODS)
            return refuse(405, "METHOD_NOT_ALLOWED", f"Send {methods}.", accept, {"Allow": methods})
        address = request.client.host if request.client else None
        return await answer_or_refuse(self._run(request, accept, address), accept=accept, address=address)

    async def _run(self, request: Request, accept: str, address: str | None) -> Response:
        key = credential(request.headers)
        key_check = await self.operations.keys.find(key, address)
        assert key is not None
        operation = await read_operation(request, max_body_bytes=self.settings.max_body_bytes)
        try:
            keyed = await self.operations.read(key, key_check, operation, request.headers)
        except UnknownQuery as unknown:
            return await self._write(unknown.result, request)
        is_streamed = prefers_stream(accept) or (keyed.is_subscription and accepts_stream(accept))
        if is_streamed and request.method != "HEAD":
            return await self._stream(keyed)
        if keyed.may_wait:
            keyed.poll = LongPoll(
                hub=self.operations.hub, streams=self.streamed.streams, key_check=key_check, receive=request.receive
            )
        try:
            return await self.operations.answer(keyed, lambda result: self._write(result, request))
        finally:
            if keyed.poll is not None:
                await keyed.poll.close()

    async def _stream(self, keyed: KeyedOperation) -> EventStream:
        async with AsyncExitStack() as stack:
            stream = stack.enter_context(self.streamed.streams.opened(keyed.key_check))
            results = await self.streamed.run_read(keyed, stack)
            return EventStream(results, stream, stack.pop_all())

    async def _write(self, result: OperationResult, request: Request) -> Response:
        limit, is_compressed = self.settings.max_response_bytes, self.settings.compression
        return await respond(result, request.headers, max_bytes=limit, is_compressed=is_compressed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sockets:
    """The same endpoint for websockets."""

    streamed: StreamedOperations
    origins: Sequence[str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        websocket = WebSocket(scope, receive, send)
        if not may_connect(websocket.headers, self.origins):
            report_refusal(403, "FORBIDDEN", origin=websocket.headers["origin"][:200])
            await websocket.close()
            return
        find_key, streams = self.streamed.operations.keys.find, self.streamed.streams
        await GraphQLSocket(websocket=websocket, find_key=find_key, run=self.streamed.run, streams=streams).handle()
