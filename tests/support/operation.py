"""GraphQL operations of a test, run on the one schema over the test's own connection."""

from dataclasses import dataclass
from typing import Any

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.settings import get_settings
from schema import schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.reader import Reader
from schema.errors import response_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The response of an operation, and the number of its SQL statements."""

    data: Any
    errors: list[dict[str, Any]]
    statements: int

    @property
    def failures(self) -> list[tuple[list[str | int], str]]:
        """Path and code of each error."""
        return [(error.get("path", []), error["extensions"]["code"]) for error in self.errors]


async def run_operation(conn: Connection, document: str, *, viewer: Viewer = OPERATOR, **variables: Any) -> Answer:
    """Execute a query with fresh dataloaders, as a request does."""
    reader = Reader(conn)
    context = Context(viewer=viewer, reader=reader, loaders=Loaders(reader, viewer), settings=get_settings())
    result = await schema.execute(document, variable_values=variables, context_value=context)
    response: dict[str, Any] = response_of(result.data, result.errors)
    return Answer(data=response["data"], errors=response.get("errors", []), statements=reader.statements)


async def read_node(conn: Connection, global_id: str, fragment: str, *, viewer: Viewer = OPERATOR) -> Answer:
    """`node(id:)` with one fragment, as in `Invoice { id }`; `data` is the node itself."""
    document = f"query($id: ID!) {{ node(id: $id) {{ ... on {fragment} }} }}"
    answer = await run_operation(conn, document, viewer=viewer, id=global_id)
    node = None if answer.data is None else answer.data["node"]
    return Answer(data=node, errors=answer.errors, statements=answer.statements)


async def read_nodes(conn: Connection, global_ids: list[str], fragment: str) -> Answer:
    """`nodes(ids:)` with one fragment, for the operator; `data` is the list."""
    document = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {fragment} }} }}"
    answer = await run_operation(conn, document, ids=global_ids)
    nodes = None if answer.data is None else answer.data["nodes"]
    return Answer(data=nodes, errors=answer.errors, statements=answer.statements)
