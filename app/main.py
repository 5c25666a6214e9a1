"""The HTTP application: routes, lifespan, and the GraphQL endpoint over the one schema."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.auth.key_uses import KeyUses
from app.auth.viewers import Viewer, authenticate, credential
from app.console import console_routes, graphql_page
from app.db.pool import Connection, connection
from app.errors import DatabaseUnavailable, RateLimited
from app.http.graphql_view import BadRequest, Operation, OperationResult, read_operation, refuse, respond
from app.http.health import health_routes
from app.http.limits.heavy_lane import Resources
from app.http.limits.keys import Keys, WrongKey
from app.http.limits.lanes import Lanes, open_resources
from app.http.limits.rate_limit import RateLimiter
from app.http.limits.refusals import report_forbidden, report_refusal
from app.http.response_size import bound_response
from app.settings import Settings
from schema import documents, schema
from schema.engine.context import Context
from schema.engine.limits import MAX_ALIASES
from schema.engine.loaders import Loaders
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import Plans
from schema.engine.reader import Reader
from schema.errors import format_error, response_of
from schema.keyed_operation import LIGHT_BYTES, KeyedOperation
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
    routes = [Route("/graphql", endpoint, methods=["GET", "POST"]), *health_routes(database), *console_routes()]
    application = Starlette(routes=routes, lifespan=lifespan)
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        is_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
        response = graphql_page() if is_page else await self._answer(request)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        address = request.client.host if request.client else None
        try:
            key = credential(request.headers)
            key_check = await self.keys.find(key, address)
            assert key is not None
            operation = await read_operation(request, max_body_bytes=self.settings.max_body_bytes)
            keyed = KeyedOperation(request=request, key=key, key_check=key_check, operation=operation)
            await self._read(keyed)
            return await self._respond(keyed)
        except WrongKey:
            report_refusal(401, "UNAUTHENTICATED", address=address)
            return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED)
        except BadRequest as error:
            return refuse(error.status, error.code, error.message)
        except RateLimited as error:
            report_refusal(429, error.code, address=address, retry_after_s=round(error.retry_after_s, 1))
            response = refuse(429, error.code, error.message)
            response.headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s)))
            return response
        except DatabaseUnavailable as error:
            return refuse(503, error.code, error.message)
        except ClientDisconnect:
            return Response()  # Nobody reads it.

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
        accept = keyed.request.headers.get("accept", "")
        return respond(result, accept, max_bytes=self.settings.max_response_bytes)

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
            return self._result(response, operation, context)
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
            return self._result(response, operation, context)
        return await _execute(operation, context)

    async def _execute_by_plan(self, keyed: KeyedOperation, context: Context) -> dict[str, Any] | None:
        if keyed.document is None or not keyed.may_have_plan:
            self.plan_executor.pass_by()
            return None
        operation = keyed.operation
        return await self.plan_executor.response_of(
            keyed.document, keyed.cost, operation.query, operation.variables, operation.name, context
        )

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
