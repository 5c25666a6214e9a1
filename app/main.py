"""The HTTP application: routes, lifespan, and the GraphQL endpoint over the one schema."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.auth.key_uses import KeyUses
from app.auth.viewers import Viewer, authenticate, credential
from app.console import console_routes, graphql_page
from app.db.pool import Connection, connection
from app.errors import DatabaseUnavailable, RateLimited
from app.http.cors import allow_origins
from app.http.fallbacks import EXCEPTION_HANDLERS, home
from app.http.graphql_view import METHODS, BadRequest, OperationResult, read_operation, refuse, respond
from app.http.health import health_routes
from app.http.limits.heavy_lane import Resources
from app.http.limits.keys import Keys, WrongKey
from app.http.limits.lanes import Lanes, open_resources
from app.http.limits.rate_limit import RateLimiter
from app.http.limits.refusals import report_forbidden, report_refusal
from app.http.negotiation import prefers_page
from app.http.persisted_queries import PersistedQueries
from app.http.request_ids import RequestIds
from app.http.response_size import bound_response
from app.settings import Settings
from schema import documents, schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import Plans
from schema.engine.reader import Reader
from schema.errors import format_error
from schema.keyed_operation import LIGHT_BYTES, KeyedOperation
from schema.reference_execution import execute_by_reference
from schema.stored.check import background_marking
from workers.process import run_worker

_UNAUTHENTICATED = "Send an API key as `Authorization: Bearer <key>`; this one is missing, unknown, revoked or expired."
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="Tellgraph"'}
#: As Apollo Server answers. Its clients look for the message, and some of them only in an answer of 200.
_PERSISTED_QUERY_NOT_FOUND = OperationResult(
    response={"errors": [{"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}]},
    is_request_error=False,
)
#: The request headers that resolvers may read.
_READ_HEADERS = ("idempotency-key",)


def create_app(settings: Settings, *, with_worker: bool = False) -> Starlette:
    """Return the ASGI application.

    Args:
        with_worker: Whether one worker runs in the same process.
    """
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    light, heavy = open_resources(settings)
    plan_executor = PlanExecutor(documents=documents, plans=Plans(schema._schema, documents))
    lanes, rate, key_uses = Lanes(settings, light=light, heavy=heavy), RateLimiter(settings), KeyUses()
    database = light.database

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        async with database:
            worker = asyncio.create_task(run_worker(settings, stopping=stopping)) if with_worker else None
            try:
                async with background_marking(database, schema._schema), key_uses.stored_regularly(database):
                    yield
            finally:
                plan_executor.plans.close()
                await rate.close()
                await lanes.close()
                await light.filters.close()
                stopping.set()
                if worker is not None:
                    await worker

    endpoint = _Endpoint(
        resources=light,
        lanes=lanes,
        rate=rate,
        keys=Keys(database),
        key_uses=key_uses,
        settings=settings,
        plan_executor=plan_executor,
    )
    graphql = Route("/graphql", allow_origins(endpoint, settings.cors_origins))
    routes = [Route("/", home), graphql, *health_routes(database), *console_routes()]
    application = Starlette(
        routes=routes, lifespan=lifespan, exception_handlers=EXCEPTION_HANDLERS, middleware=[Middleware(RequestIds)]
    )
    application.state.plan_executor = plan_executor
    return application


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """The GraphQL endpoint. It is an ASGI application, because Starlette's wrapper of functions slows each request."""

    resources: Resources
    lanes: Lanes
    rate: RateLimiter
    settings: Settings
    plan_executor: PlanExecutor
    keys: Keys
    key_uses: KeyUses
    persisted_queries: PersistedQueries = field(default_factory=PersistedQueries)

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
        try:
            key = credential(request.headers)
            key_check = await self.keys.find(key, address)
            assert key is not None
            operation = await read_operation(request, max_body_bytes=self.settings.max_body_bytes)
            owner = key_check.viewer.actor
            if not operation.query:
                query = self.persisted_queries.find(owner, operation.query_hash or "")
                if query is None:
                    return await self._refuse_hash(request, key)
                operation = replace(operation, query=query, size=operation.size + len(query))
            keyed = KeyedOperation(request=request, key=key, key_check=key_check, operation=operation)
            await self._read(keyed)
            response = await self._respond(keyed)
            if operation.query_hash is not None and keyed.document is not None and not keyed.document.errors:
                self.persisted_queries.keep(owner, operation.query_hash, operation.query)
            return response
        except WrongKey:
            report_refusal(401, "UNAUTHENTICATED", address=address)
            return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED, accept, _CHALLENGE)
        except BadRequest as error:
            return refuse(error.status, error.code, error.message, accept, error.headers)
        except RateLimited as error:
            report_refusal(429, error.code, address=address, retry_after_s=round(error.retry_after_s, 1))
            retry_after = str(max(1, math.ceil(error.retry_after_s)))
            return refuse(429, error.code, error.message, accept, {"Retry-After": retry_after})
        except DatabaseUnavailable as error:
            return refuse(503, error.code, error.message, accept)
        except ClientDisconnect:
            return Response()  # Nobody reads it.

    async def _refuse_hash(self, request: Request, key: str) -> Response:
        """Ask for the query of a hash, if the key is still valid: nothing else of the request would show that."""
        async with connection(self.resources.database) as conn:
            if await authenticate(conn, key) is None:
                raise WrongKey
        return await self._write(_PERSISTED_QUERY_NOT_FOUND, request)

    async def _write(self, result: OperationResult, request: Request) -> Response:
        limit, is_compressed = self.settings.max_response_bytes, self.settings.compression
        return await respond(result, request.headers, max_bytes=limit, is_compressed=is_compressed)

    async def _read(self, keyed: KeyedOperation) -> None:
        """Read the document and compute the cost. What may take long is done in a thread."""
        keyed.document = documents.find(keyed.operation.query)
        if keyed.document is not None and keyed.operation.size <= LIGHT_BYTES:
            keyed.read(schema, documents)
            return
        self.rate.check(keyed.key_id, len(keyed.operation.query))
        await self.lanes.read(keyed.key_id, lambda: keyed.read(schema, documents))

    async def _respond(self, keyed: KeyedOperation) -> Response:
        bucket = self.rate.spend(keyed.key_id, keyed.points)

        async def by_plan(resources: Resources) -> Response | None:
            return await self._run(keyed, resources, bucket, is_complete=False)

        async def run(resources: Resources) -> Response | None:
            return await self._run(keyed, resources, bucket)

        if not keyed.is_heavy:
            response = await self.lanes.run_light(keyed.key_id, run)
        else:
            response = None
            is_planned = keyed.document and self.plan_executor.has_plan(keyed.document, keyed.operation.name)
            if is_planned and not keyed.is_heavy_with_plan:
                response = await self.lanes.run_light(keyed.key_id, by_plan)
            if response is None:
                response = await self.lanes.run_heavy(keyed.key_id, run)
        assert response is not None
        return response

    async def _run(
        self,
        keyed: KeyedOperation,
        resources: Resources,
        bucket: dict[str, object] | None,
        *,
        is_complete: bool = True,
    ) -> Response | None:
        """Run an operation and write its answer; None if its plan has none, and `is_complete` is false."""
        if keyed.error is not None:
            result: OperationResult | None = OperationResult(
                response={"errors": [format_error(keyed.error)]}, is_request_error=True
            )
        else:
            async with connection(resources.database) as conn:
                result = await self._execute(keyed, resources, conn, is_complete=is_complete)
        if result is None:
            return None
        report_forbidden(result.response, keyed.key_id)
        extensions = result.response.get("extensions")
        if bucket is not None and isinstance(extensions, dict) and "cost" in extensions:
            extensions["cost"] = extensions["cost"] | {"bucket": bucket}
        return await self._write(result, keyed.request)

    async def _execute(
        self, keyed: KeyedOperation, resources: Resources, conn: Connection, *, is_complete: bool
    ) -> OperationResult | None:
        """Execute an operation on behalf of the key's viewer.

        A plan reads for the viewer that the key had in an earlier request, and its statement also checks the key. This
        saves a round trip. If the statement does not confirm the key, the key is looked up before anything is answered.
        """
        operation, key_check = keyed.operation, keyed.key_check
        context = self._context(keyed.request, Reader(conn, key_check), key_check.viewer, resources)
        response = await self._execute_by_plan(keyed, context)
        if response is not None and key_check.is_confirmed:
            self.key_uses.note(keyed.key_id)
            return self._result(response, keyed, context)
        if not is_complete:
            return None
        viewer = await authenticate(conn, keyed.key)
        self.keys.viewers.remember(keyed.key, viewer)
        if viewer is None:
            raise WrongKey
        self.key_uses.note(viewer.key_id)
        context = self._context(keyed.request, Reader(conn), viewer, resources)
        if key_check.viewer != viewer:
            response = await self._execute_by_plan(keyed, context)
        if response is not None:
            return self._result(response, keyed, context)
        return await execute_by_reference(schema, operation, context)

    async def _execute_by_plan(self, keyed: KeyedOperation, context: Context) -> dict[str, Any] | None:
        if keyed.document is None or not keyed.may_have_plan:
            self.plan_executor.pass_by()
            return None
        operation = keyed.operation
        return await self.plan_executor.response_of(
            keyed.document, keyed.cost, operation.query, operation.variables, operation.name, context
        )

    def _result(self, response: dict[str, Any], keyed: KeyedOperation, context: Context) -> OperationResult:
        """Return a plan's result. It is marked as small if an upper bound of its size is small."""
        document = keyed.document
        assert document is not None, "a plan belongs to a document"
        most = bound_response(
            characters_read=context.reader.characters,
            aliases=document.aliases,
            fields=keyed.cost.total,
            longest_name=document.longest_word,
        )
        is_small = most < self.settings.max_response_bytes
        return OperationResult(response=response, is_request_error=False, is_small=is_small)

    def _context(self, request: Request, reader: Reader, viewer: Viewer, resources: Resources) -> Context:
        return Context(
            viewer=viewer,
            reader=reader,
            loaders=Loaders(reader, viewer),
            settings=self.settings,
            database=resources.database,
            filters=resources.filters,
            request_headers={name: request.headers[name] for name in _READ_HEADERS if name in request.headers},
        )
