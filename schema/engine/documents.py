"""What is known of a document once it was read: parsed, validated and measured; kept for the next time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from graphql import DocumentNode, GraphQLError, get_operation_ast
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import Schema, validate_document

from app.kernel.size_bounded_cache import Kept
from app.settings import Settings
from schema.engine.cost import Cost, Costs, cost_error
from schema.engine.limits import RULES, explained, introspects, long_list_error, parse_within_limits

#: Characters of all kept documents together: some 2,000 queries of usual size. Not their number, since what is parsed
#: takes some hundred times its text in memory.
KEPT_CHARACTERS = 2_000_000

#: What a document counts for beside its text, since a short one is not kept in as little memory.
_EACH = 100
#: How many characters of a plan's generated code count for one of a document: a plan takes some 14 bytes for each.
CODE_PER_CHARACTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document that could be parsed. `costs` are of use only when there are no errors.

    seen  what schema/engine/plans/cache.py notes of each of its operations.
    """

    document: DocumentNode
    errors: list[GraphQLError]
    costs: Costs
    introspects: bool
    seen: dict[str | None, object] = field(default_factory=dict)


class Documents:
    """Documents by their text; the one used least lately is forgotten first."""

    def __init__(self, kept_characters: int = KEPT_CHARACTERS) -> None:
        self._known: Kept[str, Known] = Kept(kept_characters)

    def find(self, text: str) -> Known | None:
        """A document that was read before."""
        return self._known.find(text)

    def read(self, schema: Schema, text: str) -> Known:
        """Parse and validate, once. Raises GraphQLError when it is no document; that is not kept."""
        if (found := self.find(text)) is not None:
            return found
        document = parse_within_limits(text)
        known = Known(
            document=document,
            errors=explained(validate_document(schema._schema, document, RULES)),
            costs=Costs(schema._schema, document),
            introspects=introspects(document),
        )
        self._known.keep(text, known, len(text) + _EACH)
        return known

    def grow(self, text: str, known: Known, code_characters: int) -> None:
        """Count generated code that is kept with a document."""
        self._known.grow(text, known, code_characters // CODE_PER_CHARACTER)


def shown_cost(cost: Cost, maximum: int) -> dict[str, Any]:
    """What `extensions` of a response say of its cost."""
    return {"cost": {"requested": cost.total, "maximum": maximum}}


class PreparedOperation(SchemaExtension):
    """Takes the place of parsing and validating, and refuses what costs too much; `extensions.cost` of the result."""

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._cost: Cost | None = None
        self._maximum = 0

    def on_parse(self) -> Iterator[None]:
        running = self.execution_context
        self._known = self._documents.read(running.schema, running.query or "")
        # Strawberry would take the first of several operations; the specification has the client name one.
        name = running._provided_operation_name
        if get_operation_ast(self._known.document, name) is None:
            raise CannotGetOperationTypeError(name)
        running.graphql_document = self._known.document
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = self._known.errors or self._refusals()
        yield

    def get_results(self) -> dict[str, Any]:
        """Nothing for a document that was refused before its cost was known."""
        if self._cost is None:
            return {}
        return shown_cost(self._cost, self._maximum)

    def _refusals(self) -> list[GraphQLError]:
        running = self.execution_context
        settings: Settings = running.context.settings
        if self._known.introspects and not settings.introspection:
            message = "Introspection is switched off here."
            return [GraphQLError(message, extensions={"code": "INTROSPECTION_DISABLED"})]
        if refusal := long_list_error(self._known.document, running.variables):
            return [refusal]
        if running.context.sees_deleted:
            return []  # a stored query being rendered: its cost was checked when it was saved
        self._maximum = settings.max_cost
        self._cost = self._known.costs.of(running.variables, running._provided_operation_name)
        refusal = cost_error(self._cost, self._maximum)
        return [refusal] if refusal else []
