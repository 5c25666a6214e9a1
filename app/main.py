"""The HTTP application: routes, lifespan, and the GraphQL endpoint over the one schema."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from databases import Database
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from app.auth import Viewer, authenticate, credential
from app.console import console_routes, graphql_page
from app.db.pool import Connection, connection, create_database
from app.errors import DatabaseUnavailable
from app.graphql_view import BadRequest, Executed, Operation, read_operation, refuse, respond
from app.health import health_routes
from app.settings import Settings
from schema import schema
from schema.context import Context, Reader
from schema.errors import format_error, response_of
from schema.loaders import Loaders
from workers.process import run_worker

_UNAUTHENTICATED = "Send an API key as `Authorization: Bearer <key>`; this one is missing, unknown, revoked or expired."


def create_app(settings: Settings, *, with_worker: bool = False) -> Starlette:
    """The ASGI application. `with_worker`: run one worker beside the API, in the same process."""
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    database = create_database(settings.database_url, pool_size=settings.database_pool_size)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        stopping = asyncio.Event()
        async with database:
            worker = asyncio.create_task(run_worker(settings, stopping=stopping)) if with_worker else None
            try:
                yield
            finally:
                stopping.set()
                if worker is not None:
                    await worker

    async def graphql(request: Request) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return graphql_page()
        return await _answer(request, database, settings)

    routes = [Route("/graphql", graphql, methods=["GET", "POST"]), *health_routes(database), *console_routes()]
    return Starlette(routes=routes, lifespan=lifespan)


async def _answer(request: Request, database: Database, settings: Settings) -> Response:
    try:
        async with connection(database) as conn:
            viewer = await authenticate(conn, credential(request.headers))
            if viewer is None:
                return refuse(401, "UNAUTHENTICATED", _UNAUTHENTICATED)
            operation = await read_operation(request, max_body_bytes=settings.max_body_bytes)
            executed = await _execute(operation, viewer, conn, database, settings)
    except BadRequest as error:
        return refuse(error.status, error.code, error.message)
    except DatabaseUnavailable as error:
        return refuse(503, error.code, error.message)
    return respond(executed, request.headers.get("accept", ""))


async def _execute(
    operation: Operation, viewer: Viewer, conn: Connection, database: Database, settings: Settings
) -> Executed:
    reader = Reader(conn)
    context = Context(
        viewer=viewer,
        reader=reader,
        loaders=Loaders(reader, viewer),
        settings=settings,
        database=database,
    )
    allowed = {OperationType.QUERY, OperationType.MUTATION} if operation.may_mutate else {OperationType.QUERY}
    result = await schema.execute(
        operation.query,
        variable_values=operation.variables,
        context_value=context,
        operation_name=operation.name,
        allowed_operation_types=allowed,
    )
    return _executed(result)


def _executed(result: ExecutionResult) -> Executed:
    if isinstance(result, PreExecutionError):
        return Executed(
            response={"errors": [format_error(error) for error in result.errors or ()]}, is_request_error=True
        )
    return Executed(response=response_of(result.data, result.errors), is_request_error=False)
