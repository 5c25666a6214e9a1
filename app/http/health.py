"""Liveness and readiness, for the tools that restart processes and route traffic."""

from databases import Database
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import __version__
from app.db.pool import connection
from app.errors import DatabaseUnavailable
from app.http.graphql_view import ANSWER_HEADERS


def health_routes(database: Database) -> list[Route]:
    """Return the routes `/healthz` (this process runs) and `/readyz` (it reaches its database; 503 if not)."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__}, headers=ANSWER_HEADERS)

    async def ready(_: Request) -> Response:
        try:
            async with connection(database) as conn:
                await conn.fetchval("select 1")
        except (DatabaseUnavailable, OSError) as error:
            body = {"status": "unavailable", "reason": str(error)}
            return JSONResponse(body, status_code=503, headers=ANSWER_HEADERS)
        return JSONResponse({"status": "ok"}, headers=ANSWER_HEADERS)

    return [Route("/healthz", alive), Route("/readyz", ready)]
