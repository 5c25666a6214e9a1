"""Running one mutation on the one schema, with a pool of its own as in the API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection, create_database
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.errors import response_of
from tests.support.mutation_inputs import input_type
from tests.support.platform import settings_for

Mutate = Callable[..., Awaitable[dict[str, Any]]]
Execute = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with create_database(database_url, pool_size=4) as database:
        yield database


@pytest.fixture
def execute(conn: Connection, database: Database, database_url: str) -> Execute:
    """`await execute(document, variables, viewer, key=…)`: the whole GraphQL response."""

    async def run(
        document: str, variables: dict[str, Any], viewer: Viewer = OPERATOR, *, key: str | None = None
    ) -> dict[str, Any]:
        reader = Reader(conn)
        context = Context(
            viewer=viewer,
            reader=reader,
            loaders=Loaders(reader, viewer),
            settings=settings_for(database_url),
            database=database,
            request_headers={} if key is None else {"idempotency-key": key},
        )
        result = await schema.execute(document, variable_values=variables, context_value=context)
        response: dict[str, Any] = response_of(result.data, result.errors)
        return response

    return run


@pytest.fixture
def mutate(execute: Execute) -> Mutate:
    """`await mutate("shipmentCreate", "shipment { id }", input, viewer)`: the whole GraphQL response.

    Args:
        key: Sent as `Idempotency-Key`.
    """

    async def run(
        name: str, selection: str, given: dict[str, Any], viewer: Viewer = OPERATOR, *, key: str | None = None
    ) -> dict[str, Any]:
        document = (
            f"mutation($input: {input_type(name)}) {{ {name}(input: $input)"
            f" {{ status clientMutationId errors {{ field messages }} {selection} }} }}"
        )
        return await execute(document, {"input": given}, viewer, key=key)

    return run
