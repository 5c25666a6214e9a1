"""An operation with the key that it was sent with, and whether it is light or heavy."""

from dataclasses import dataclass, replace

from graphql import GraphQLError
from starlette.requests import Request
from strawberry.schema.schema import Schema

from app.auth.api_keys import ApiKeyId
from app.http.graphql_view import Operation
from schema.engine.documents import Document, Documents
from schema.engine.limits import long_list_error

#: The most that a light operation costs: about 15 ms for the reference executor, and for a plan.
LIGHT_COST, LIGHT_PLANNED_COST = 1_000, 10_000
#: The most bytes of a light request, and the most errors of its document.
LIGHT_BYTES, LIGHT_ERRORS = 20_000, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedOperation:
    """An operation with the key that it was sent with, and the result of reading its document.

    Args:
        document: None if the text is not a GraphQL document, for which `error` is the reason.
        cost: The static cost; 0 if the operation will be refused.
        is_new: The document was read for this request.
    """

    request: Request
    key: str
    key_id: ApiKeyId
    operation: Operation
    document: Document | None = None
    error: GraphQLError | None = None
    cost: int = 0
    is_new: bool = False

    @property
    def points(self) -> int:
        """Return the points that it spends: at least one for each character of a text that had to be read."""
        return max(self.cost, len(self.operation.query) if self.is_new or self.document is None else 1)

    @property
    def is_heavy(self) -> bool:
        """Tell whether it may take more than some 15 ms of the event loop, unless it has a plan."""
        errors = len(self.document.errors) if self.document else 0
        return self.cost > LIGHT_COST or self.operation.size > LIGHT_BYTES or errors > LIGHT_ERRORS


def measured(schema: Schema, documents: Documents, keyed: KeyedOperation, document: Document | None) -> KeyedOperation:
    """Return an operation with its document and its cost.

    Args:
        document: None if the text has to be read first.
    """
    operation, is_new = keyed.operation, document is None
    try:
        document = document or documents.read(schema, operation.query)
    except GraphQLError as error:
        return replace(keyed, error=error)
    is_refused = document.errors or long_list_error(document.node, operation.variables)
    cost = 0 if is_refused else document.costs.of(operation.variables, operation.name).total
    return replace(keyed, document=document, cost=cost, is_new=is_new)
