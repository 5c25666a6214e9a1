"""The HTTP application: routes, lifespan, and the GraphQL endpoint over the one schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from databases import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.auth.key_uses import KeyUses
from app.auth.viewers import Viewer, ViewerCache, authenticate, credential
from app.console import console_routes, graphql_page
from app.db.pool import Connection, connection, create_database
from app.errors import DatabaseUnavailable
from app.http.graphql_view import BadRequest, Operation, OperationResult, read_operation, refuse, respond
from app.http.health import health_routes
from app.http.response_size import bound_response
from app.settings import Settings
from app.webhooks.cel.filters import FilterProcess
from schema import documents, schema
from schema.engine.context import Context
from schema.engine.limits import MAX_ALIASES
from schema.engine.loaders import Loaders
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import Plans
from schema.engine.reader import Reader
from schema.errors import format_error, response_of
from schema.stored.check import background_marking
from workers.process import run_worker

_UNAUTHENTICATED = "Send an API key as `Authorization: Bearer <key>`; this one is missing, unknown, revoked or expired."
#: The request headers that resolvers may read.
_READ_HEADERS = ("idempotency-key",)


def create_app(settings: Settings, *, with_worker: bool = False) -> Starlette:
    """Return the ASGI application.

    Args:
        with_worker: Whether one worker runs in the same process.
    """
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    database = create_database(
        settings.database_url, pool_size=settings.database_pool_size, timeout_s=settings.database_timeout_s
    )
    plan_executor = PlanExecutor(documents=documents, plans=Plans(schema._schema, documents))
    filters, key_uses = FilterProcess(), KeyUses()

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
                await filters.close()
                stopping.set()
                if worker is not None:
                    await worker

    endpoint = _Endpoint(
        database=database, settings=settings, plan_executor=plan_executor, filters=filters, key_uses=key_uses
    )
    routes = [Route("/graphql", endpoint, methods=["GET", "POST"]), *health_routes(database), *console_routes()]
    application = Starlette(routes=routes, lifespan=lifespan)
    application.state.plan_executor = plan_executor
    return application


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoint:
    """The GraphQL endpoint. It is an ASGI application, because Starlette's wrapper of functions slows each request.

    Args:
        viewers: The viewers of the keys of earlier requests.
    """

    database: Database
    settings: Settings
    plan_executor: PlanExecutor
    filters: FilterProcess
    key_uses: KeyUses
    viewers: ViewerCache = field(default_factory=ViewerCache)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        response = graphql_page() if is_page else await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            key = credential(request.headers)
            if key is None:
                return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED)
            # The body is read before a connection is taken, so that a slow body holds none of the pool's few.
            operation = await read_operation(request, max_body_bytes=self.settings.max_body_bytes)
            async with connection(self.database) as conn:
                result = await self._run(request, key, operation, conn)
        except BadRequest as error:
            return refuse(error.status, error.code, error.message)
        except DatabaseUnavailable as error:
            return refuse(503, error.code, error.message)
        if result is None:
            return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED)
        accept = request.headers.get("accept", "")
        return respond(result, accept, max_bytes=self.settings.max_response_bytes)

    async def _run(self, request: Request, key: str, operation: Operation, conn: Connection) -> OperationResult | None:
        """Run an operation on behalf of the key's viewer; None if the key is not valid.

        A plan reads for the viewer that the key had in an earlier request, and its statement also checks the key. This
        saves a round trip. If the statement does not confirm the key, the key is looked up before anything is answered.
        """
        key_check = self.viewers.key_check(key)
        response = None
        if key_check is not None:
            context = self._context(request, Reader(conn, key_check), key_check.viewer)
            response = await self.plan_executor.response(operation.query, operation.variables, operation.name, context)
            if response is not None and key_check.is_confirmed:
                self.key_uses.note(key_check.viewer.key_id)
                return self._result(response, operation, context)
        viewer = await authenticate(conn, key)
        self.viewers.remember(key, viewer)
        if viewer is None:
            return None
        self.key_uses.note(viewer.key_id)
        context = self._context(request, Reader(conn), viewer)
        if key_check is None or key_check.viewer != viewer:
            response = await self.plan_executor.response(operation.query, operation.variables, operation.name, context)
        if response is not None:
            return self._result(response, operation, context)
        return await _execute(operation, context)

    def _result(self, response: dict[str, Any], operation: Operation, context: Context) -> OperationResult:
        """Return a plan's result. It is marked as small if an upper bound of its size is small."""
        document = documents.find(operation.query)
        most = bound_response(
            characters_read=context.reader.characters,
            aliases=document.aliases if document else MAX_ALIASES,
            fields=response["extensions"]["cost"]["requested"],
            longest_name=document.longest_word if document else len(operation.query),
        )
        is_small = most < self.settings.max_response_bytes
        return OperationResult(response=response, is_request_error=False, is_small=is_small)

    def _context(self, request: Request, reader: Reader, viewer: Viewer) -> Context:
        return Context(
            viewer=viewer,
            reader=reader,
            loaders=Loaders(reader, viewer),
            settings=self.settings,
            database=self.database,
            filters=self.filters,
            request_headers={name: request.headers[name] for name in _READ_HEADERS if name in request.headers},
        )


async def _execute(operation: Operation, context: Context) -> OperationResult:
    """Run an operation by the reference executor."""
    allowed = {OperationType.QUERY, OperationType.MUTATION} if operation.may_mutate else {OperationType.QUERY}
    try:
        result = await schema.execute(
            operation.query,
            variable_values=operation.variables,
            context_value=context,
            operation_name=operation.name,
            allowed_operation_types=allowed,
        )
    except CannotGetOperationTypeError as error:
        message = (
            "`operationName` must be the name of one of the document's operations; it may be absent for one alone."
        )
        raise BadRequest(400, "UNKNOWN_OPERATION", message) from error
    except InvalidOperationTypeError as error:
        if error.operation_type is OperationType.MUTATION:
            raise BadRequest(405, "METHOD_NOT_ALLOWED", "A mutation must be sent with POST.") from error
        raise BadRequest(400, "UNKNOWN_OPERATION", "There are no subscriptions here but webhooks.") from error
    return _reference_result(result)


def _reference_result(result: ExecutionResult) -> OperationResult:
    if isinstance(result, PreExecutionError) or _has_wrong_variables(result):
        errors = [format_error(error) for error in result.errors or ()]
        return OperationResult(response={"errors": errors} | _extensions(result), is_request_error=True)
    response = response_of(result.data, result.errors) | _extensions(result)
    return OperationResult(response=response, is_request_error=False)


def _has_wrong_variables(result: ExecutionResult) -> bool:
    """Return whether variables were wrong. graphql-core then returns a result whose errors have no path."""
    return result.data is None and bool(result.errors) and all(error.path is None for error in result.errors or ())


def _extensions(result: ExecutionResult) -> dict[str, Any]:
    return {"extensions": result.extensions} if result.extensions else {}
