"""Liveness and readiness, for the tools that restart processes and route traffic."""

from databases import Database
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app import __version__
from app.db.pool import connection
from app.errors import DatabaseUnavailable


def health_routes(database: Database) -> list[Route]:
    """Return the routes `/healthz` (this process runs) and `/readyz` (it reaches its database; 503 if not)."""

    async def alive(_: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__})

    async def ready(_: Request) -> Response:
        try:
            async with connection(database) as conn:
                await conn.fetchval("select 1")
        except (DatabaseUnavailable, OSError) as error:
            return JSONResponse({"status": "unavailable", "reason": str(error)}, status_code=503)
        return JSONResponse({"status": "ok"})

    return [Route("/healthz", alive), Route("/readyz", ready)]
