"""An operation with the key that it was sent with, and whether it is light or heavy."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLError, OperationType, get_operation_ast
from strawberry.schema.schema import Schema

from app.auth.db.api_keys import ApiKeyId
from app.auth.viewers import KeyCheck
from app.http.graphql_view import Operation
from app.http.streams.long_poll import LongPoll
from schema.engine.cost.operation_cost import Cost
from schema.engine.documents import Document, Documents
from schema.engine.limits import long_list_error

#: The most that a light operation costs: about 15 ms for the reference executor, and for a plan.
LIGHT_COST, LIGHT_PLANNED_COST = 1_000, 30_000
#: The most bytes of a light request, and the most errors of its document.
LIGHT_BYTES, LIGHT_ERRORS = 20_000, 20


#: The cost of an operation that is refused.
_NOTHING = Cost(total=0, visited=0)


@dataclass(slots=True, kw_only=True)
class KeyedOperation:
    """An operation with the key that it was sent with, and the result of reading its document.

    Args:
        headers: Those of the request, or of the websocket.
        document: None if it has not been read, or if it is not a GraphQL document, for which `error` is the reason.
        cost: The static cost; 0 for an operation that is refused.
        is_new: The document was read for this request.
        poll: Waits for messages in this request; None if it can't: a query, or anything over a websocket.
    """

    headers: Mapping[str, str]
    key: str
    key_check: KeyCheck
    operation: Operation
    document: Document | None = None
    error: GraphQLError | None = None
    cost: Cost = _NOTHING
    is_new: bool = False
    poll: LongPoll | None = None

    @property
    def key_id(self) -> ApiKeyId:
        key_id = self.key_check.viewer.key_id
        assert key_id is not None, "the viewer of a request has one"
        return key_id

    @property
    def is_subscription(self) -> bool:
        return self._type is OperationType.SUBSCRIPTION

    @property
    def may_wait(self) -> bool:
        """Tell whether it may wait for messages: a mutation takes them."""
        return self._type is OperationType.MUTATION

    @property
    def _type(self) -> OperationType | None:
        operation = None if self.document is None else get_operation_ast(self.document.node, self.operation.name)
        return None if operation is None else operation.operation

    @property
    def points(self) -> int:
        """Return the points that it spends: at least one for each character of a text that had to be read."""
        return max(self.cost.total, len(self.operation.query) if self.is_new else 1)

    @property
    def is_heavy(self) -> bool:
        """Tell whether it may take more than some 15 ms of the event loop, unless it has a plan."""
        return self.cost.total > LIGHT_COST or self.is_heavy_with_plan

    @property
    def is_heavy_with_plan(self) -> bool:
        """Tell the same of an operation that has a plan."""
        document = self.document
        is_slow = document is not None and (document.is_slow or len(document.errors) > LIGHT_ERRORS)
        return is_slow or self.cost.total > LIGHT_PLANNED_COST or self.operation.size > LIGHT_BYTES

    @property
    def may_have_plan(self) -> bool:
        """Tell whether a plan may answer it: its document was read before, and it is not refused."""
        return self.cost is not _NOTHING and not self.is_new

    def read(self, schema: Schema, documents: Documents) -> None:
        """Read the document, if it is not known yet, and compute the cost."""
        self.is_new = self.document is None
        try:
            self._read(schema, documents)
        except GraphQLError as error:
            self.error = error
        except Exception:
            # The reference executor comes upon the same error. It logs the error, and masks it.
            self.document = None

    def _read(self, schema: Schema, documents: Documents) -> None:
        operation = self.operation
        if self.document is None:
            self.document = documents.read(schema, operation.query)
        if not self.document.errors and not long_list_error(self.document.node, operation.variables):
            self.cost = self.document.costs.of(operation.variables, operation.name)
