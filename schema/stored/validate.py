"""Stored queries: a webhook's query is checked when it is saved, and analysed once for all of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    NonNullTypeNode,
    OperationDefinitionNode,
    OperationType,
    Source,
    VariableNode,
    is_object_type,
    validate,
)
from graphql.language import FragmentDefinitionNode, FragmentSpreadNode, InlineFragmentNode, SelectionSetNode

from app.errors import InvalidInput
from app.kernel.size_bounded_cache import SizedCache
from app.webhooks.domain.webhook import DEFAULT_QUERY, WebhookKlass
from schema.engine.cost.operation_cost import Costs, cost_error
from schema.engine.documents import CODE_PER_CHARACTER
from schema.engine.limits import RULES, explain_errors, parse_within_limits
from schema.engine.selections import fragments_of, root_selection
from schema.stored.watched import watched_columns

#: Characters of all cached queries together: about ten thousand queries of usual size. With more different webhooks,
#: each batch would parse their queries again. Each query counts `_EACH` characters in addition to its text.
MAX_CACHED_CHARACTERS = 10_000_000
_EACH = 100

_FORM = "query($id: ID!) { node(id: $id) { … } }"


_Key = tuple[GraphQLSchema, str, WebhookKlass, int | None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class StoredQuery:
    """A query that can run.

    Args:
        cache_key: Its key in the cache.
        watched: `table.column` of every column that it reads, and `table.*` of tables whose rows it shows.
    """

    cache_key: _Key = field(repr=False)
    text: str
    entity_type: str
    document: DocumentNode
    watched: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    """The errors of a query that can't run."""

    message: str
    fields: Mapping[str, Sequence[str]]


_cache: SizedCache[_Key, StoredQuery | _Refusal] = SizedCache(MAX_CACHED_CHARACTERS)


def stored_query(schema: GraphQLSchema, text: str, klass: WebhookKlass, *, max_cost: int | None = None) -> StoredQuery:
    """Check and analyse a query. Blank text stands for the default query. Results and errors are cached.

    Args:
        max_cost: The limit when a query is saved. None when it runs: a limit that was lowered later does not matter.

    Raises:
        InvalidInput: The query is wrong. The field is `attributes.queryString`, and each message has line and column.
    """
    key = (schema, text, klass, max_cost)
    found = _cache.find(key)
    if found is None:
        try:
            found = _check_query(key)
        except InvalidInput as error:
            found = _Refusal(message=error.message, fields=error.fields)
        _cache.keep(key, found, len(text) + _EACH)
    if isinstance(found, _Refusal):
        raise InvalidInput(found.message, fields=found.fields)
    return found


def grow(query: StoredQuery, code_characters: int) -> None:
    """Add generated code to the size of a cached query."""
    _cache.grow(query.cache_key, query, code_characters // CODE_PER_CHARACTER)


def _check_query(key: _Key) -> StoredQuery:
    schema, given, klass, max_cost = key
    text = given if given.strip() else DEFAULT_QUERY
    document = _parse(text)
    if (place := text.find("\0")) >= 0:
        # GraphQL allows NUL in comments and strings; PostgreSQL can't store it.
        raise _query_error(GraphQLError("NUL characters can't be stored.", source=Source(text), positions=[place]))
    errors = explain_errors(validate(schema, document, RULES))
    operation = _operation(document)
    if errors:
        raise _query_error(*errors)
    _check_variables(operation)
    _check_root(operation)
    _check_type(schema, document, klass)
    if max_cost is not None and (refusal := cost_error(Costs(schema, document).of(), max_cost, operation)):
        raise _query_error(refusal)
    return StoredQuery(
        cache_key=key,
        text=text,
        entity_type=klass.entity_type,
        document=document,
        watched=watched_columns(schema, document, klass.entity_type),
    )


def _parse(text: str) -> DocumentNode:
    try:
        return parse_within_limits(text)
    except GraphQLError as error:
        raise _query_error(error) from error
    except RecursionError as error:
        raise InvalidInput.at("attributes.queryString", "nests too deeply") from error


def _operation(document: DocumentNode) -> OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if len(operations) != 1:
        raise _query_error(
            GraphQLError(f"The query must have exactly one operation; it has {len(operations)}.", operations[1:2])
        )
    if operations[0].operation is not OperationType.QUERY:
        kind = operations[0].operation.value
        raise _query_error(GraphQLError(f"A webhook runs a query, not a {kind}.", operations))
    return operations[0]


def _check_variables(operation: OperationDefinitionNode) -> None:
    definitions = operation.variable_definitions or ()
    right = [node for node in definitions if node.variable.name.value == "id" and _is_required_id(node.type)]
    if len(right) != 1 or len(definitions) != 1:
        wrong = next((node for node in definitions if node not in right), operation)
        raise _query_error(GraphQLError(f"The query must have exactly the variable $id: ID!, as in {_FORM}", [wrong]))


def _is_required_id(node: object) -> bool:
    return isinstance(node, NonNullTypeNode) and getattr(getattr(node.type, "name", None), "value", None) == "ID"


def _check_root(operation: OperationDefinitionNode) -> None:
    selections = operation.selection_set.selections
    field = selections[0]
    is_node = len(selections) == 1 and isinstance(field, FieldNode) and field.name.value == "node"
    if not (is_node and isinstance(field, FieldNode) and _passes_id(field)):
        raise _query_error(
            GraphQLError(f"The query must select node(id: $id) and nothing beside it, as in {_FORM}", [field])
        )


def _passes_id(field: FieldNode) -> bool:
    values = [argument.value for argument in field.arguments or ()]
    return len(values) == 1 and isinstance(values[0], VariableNode)


def _check_type(schema: GraphQLSchema, document: DocumentNode, klass: WebhookKlass) -> None:
    """Check that fragments on the node itself are on the webhook's own type: others never match."""
    fragments = fragments_of(document)
    _, selection_set = root_selection(document)
    pending: list[SelectionSetNode] = [selection_set]
    spread: set[str] = set()
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode):
                continue
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value in spread:
                    continue
                spread.add(selection.name.value)
                fragment: FragmentDefinitionNode | InlineFragmentNode = fragments[selection.name.value]
            else:
                assert isinstance(selection, InlineFragmentNode)
                fragment = selection
            condition = fragment.type_condition
            named = condition.name.value if condition else None
            if named is not None and named != klass.entity_type and is_object_type(schema.type_map[named]):
                message = f"The query selects {named}, but the webhook's type is {klass.value} ({klass.entity_type})."
                raise _query_error(GraphQLError(message, [fragment]))
            pending.append(fragment.selection_set)


def _query_error(*errors: GraphQLError) -> InvalidInput:
    return InvalidInput.at("attributes.queryString", *(with_place(error) for error in errors))


def with_place(error: GraphQLError) -> str:
    """Return the message of an error, after the line and column where it is."""
    if not error.locations:
        return error.message
    place = error.locations[0]
    return f"line {place.line}, column {place.column}: {error.message}"
