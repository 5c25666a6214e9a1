"""Documents: each text is parsed, validated and measured once, and kept for the next request."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    ASTValidationRule,
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    DocumentNode,
    GraphQLError,
    KnownDirectivesRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    StreamDirectiveOnListField,
    UniqueDirectivesPerLocationRule,
    UniqueVariableNamesRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.schema import Schema, validate_document

from app.kernel.size_bounded_cache import SizedCache
from app.settings import Settings
from schema.engine.cost.operation_cost import Cost, Costs, cost_error
from schema.engine.cost.weights import SLOW_FIELDS
from schema.engine.input_aliases import with_own_names
from schema.engine.limits import (
    RULES,
    count_aliases,
    explain_errors,
    introspects,
    long_list_error,
    parse_within_limits,
    selects,
)
from schema.engine.selections import fragments_of

#: Characters of all cached documents together: about 2,000 queries of usual size. The limit is not their number,
#: because a parsed document takes about a hundred times the memory of its text.
MAX_CHARACTERS = 2_000_000

#: Characters that a document counts for in addition to its text: a short one takes memory, too.
_EACH = 100
#: Characters of generated code that count as one character of a document: a plan takes about 14 bytes for each.
CODE_PER_CHARACTER = 4
_WORDS = re.compile(r"\w+")

#: Of the CPU of validation, half goes to variables and a tenth to directives, also if a document has none of them.
_RULES_OF_VARIABLES = (
    UniqueVariableNamesRule,
    NoUndefinedVariablesRule,
    NoUnusedVariablesRule,
    VariablesAreInputTypesRule,
    VariablesInAllowedPositionRule,
)
_RULES_OF_DIRECTIVES = (
    KnownDirectivesRule,
    UniqueDirectivesPerLocationRule,
    DeferStreamDirectiveLabel,
    DeferStreamDirectiveOnRootField,
    DeferStreamDirectiveOnValidOperationsRule,
    StreamDirectiveOnListField,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document that could be parsed.

    Args:
        node: Its syntax tree.
        is_slow: It selects a field that takes long although its cost is low, with or without a plan.
        errors: The errors of validation. `costs` may only be used when there are none.
        aliases: The most aliases of an operation, with fragments expanded.
        longest_word: The length of the longest name or alias, or more.
        slots: A `PlanSlot` by the operation's name; see schema/engine/plans/cache.py.
    """

    node: DocumentNode
    errors: list[GraphQLError]
    costs: Costs
    introspects: bool
    is_slow: bool
    aliases: int
    longest_word: int
    slots: dict[str | None, object] = field(default_factory=dict)


class Documents:
    """Documents by their text. The least recently used one is dropped first."""

    def __init__(self, max_characters: int = MAX_CHARACTERS) -> None:
        self._cache: SizedCache[str, Document] = SizedCache(max_characters)

    def find(self, text: str) -> Document | None:
        """Return the document of a text; None if it has not been read, or has been dropped."""
        return self._cache.find(text)

    def read(self, schema: Schema, text: str) -> Document:
        """Parse and validate a text, unless that has been done before.

        Raises:
            GraphQLError: The text is not a GraphQL document. It is not cached.
        """
        if (found := self.find(text)) is not None:
            return found
        node = with_own_names(text, parse_within_limits(text))
        document = Document(
            node=node,
            errors=explain_errors(validate_document(schema._schema, node, _rules_of(text, node))),
            costs=Costs(schema._schema, node),
            introspects=introspects(node),
            is_slow=selects(node, SLOW_FIELDS),
            aliases=count_aliases(node),
            longest_word=max(map(len, _WORDS.findall(text)), default=0),
        )
        self._cache.keep(text, document, len(text) + _EACH)
        return document

    def grow(self, text: str, document: Document, code_characters: int) -> None:
        """Add generated code to the size of a cached document."""
        self._cache.grow(text, document, code_characters // CODE_PER_CHARACTER)


def _rules_of(text: str, document: DocumentNode) -> tuple[type[ASTValidationRule], ...]:
    """Return the rules that a document can break. `text` is what it was parsed from."""
    idle: tuple[type[ASTValidationRule], ...] = ()
    # With fragments, the rules of variables also limit how often these spread one another.
    if "$" not in text and not fragments_of(document):
        idle += _RULES_OF_VARIABLES
    if "@" not in text:
        idle += _RULES_OF_DIRECTIVES
    return tuple(rule for rule in RULES if rule not in idle)


def cost_extension(cost: Cost, maximum: int) -> dict[str, object]:
    """Return the entry of a response's `extensions` that tells its cost."""
    return {"cost": {"requested": cost.total, "maximum": maximum}}


class PreparedOperation(SchemaExtension):
    """Replaces parsing and validating by the cached document, and refuses operations that cost too much.

    The result has `extensions.cost`.
    """

    def __init__(self, documents: Documents) -> None:
        super().__init__()
        self._documents = documents
        self._cost: Cost | None = None
        self._maximum = 0

    def on_parse(self) -> Iterator[None]:
        running = self.execution_context
        self._document = self._documents.read(running.schema, running.query or "")
        # Of several operations Strawberry would take the first. The specification requires the client to name one.
        name = running._provided_operation_name
        if get_operation_ast(self._document.node, name) is None:
            raise CannotGetOperationTypeError(name)
        running.graphql_document = self._document.node
        yield

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = self._document.errors or self._refusals()
        yield

    def get_results(self) -> dict[str, object]:
        """Return the cost; nothing for a document that was refused before its cost was known."""
        if self._cost is None:
            return {}
        return cost_extension(self._cost, self._maximum)

    def _refusals(self) -> list[GraphQLError]:
        running = self.execution_context
        settings: Settings = running.context.settings
        if refusal := refusal_of(self._document, running.variables, settings):
            return [refusal]
        if running.context.is_rendering:
            return []  # The cost of a stored query was checked when it was saved.
        self._maximum = settings.max_cost
        self._cost = self._document.costs.of(running.variables, running._provided_operation_name)
        refusal = cost_error(self._cost, self._maximum)
        return [refusal] if refusal else []


def refusal_of(document: Document, variables: Mapping[str, object] | None, settings: Settings) -> GraphQLError | None:
    """Return the error of a valid document that asks for the schema, or has too long a list; None if it may be run."""
    if document.introspects and not settings.introspection:
        return GraphQLError("Introspection is switched off here.", extensions={"code": "INTROSPECTION_DISABLED"})
    return long_list_error(document.node, variables)
