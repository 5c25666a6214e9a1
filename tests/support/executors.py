"""The same operation by the reference executor and by its plan, each as a request executes it."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.settings import Settings
from schema import documents, schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import OFTEN, Plans
from schema.engine.reader import Reader
from schema.errors import response_of


def fresh_plans() -> PlanExecutor:
    """No operation has been seen yet."""
    return PlanExecutor(documents=documents, plans=Plans(schema._schema, documents))


def context_of(conn: Connection, viewer: Viewer = OPERATOR, settings: Settings | None = None) -> Context:
    """Of an operation that may cost anything, unless settings are given."""
    reader = Reader(conn)
    settings = settings or _unlimited()
    return Context(viewer=viewer, reader=reader, loaders=Loaders(reader, viewer), settings=settings)


@cache
def _unlimited() -> Settings:
    return Settings(max_cost=10**15)


async def by_reference(
    conn: Connection, text: str, variables: Mapping[str, Any] | None = None, viewer: Viewer = OPERATOR
) -> bytes:
    given = dict(variables) if variables is not None else None
    result = await schema.execute(text, variable_values=given, context_value=context_of(conn, viewer))
    extensions = {"extensions": result.extensions} if result.extensions else {}
    return orjson.dumps(response_of(result.data, result.errors) | extensions)


async def by_plan(
    planned: PlanExecutor,
    conn: Connection,
    text: str,
    variables: Mapping[str, Any] | None = None,
    viewer: Viewer = OPERATOR,
) -> bytes | None:
    """As after many requests: compiled for these variables. None where it is left to the reference executor."""
    response = None
    # Once by its plan, and once more for what only that finds out: a type of `node(id:)` that it lacks.
    for _ in range(OFTEN + 2):
        response = await planned.response(text, variables, None, context_of(conn, viewer))
        await planned.plans.settle()
        if response is not None:
            break
    return None if response is None else orjson.dumps(response)
