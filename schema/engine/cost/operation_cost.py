"""The cost of an operation: the number of values that its answer may hold, computed before it is executed.

- Every selected field counts 1. Texts that may be long, and dry runs, count more (weights.py).
- Each entry of a list in a field's arguments counts 1.
- A selection below a list counts once for each row. A page has `first` or `last` rows (50 by default, at most 500), a
  list by `ids` as many as are given, a list of the newest rows `first` of them, a plain list LIST_SIZE, and a plain
  list at the root 500, its limit.
- `@skip` and `@include` don't lower the cost, and fragments on different types add up.
- A list of introspection counts its mean number of rows: the query of the usual tools costs about 25,000, which is the
  number of values that it returns.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    TypeMetaFieldDef,
    VariableNode,
    get_named_type,
    get_operation_ast,
    is_introspection_type,
    is_list_type,
)
from graphql.type import GraphQLNonNull

from app.db.keyset import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from schema.engine.cost.argument_sizes import (
    MAX_REPORTED,
    NO_SIZE,
    SIZES,
    VariableSize,
    entries_of,
    literal_entries,
    literal_size,
    size_of,
    variable_sizes,
    variables_of_arguments,
)
from schema.engine.cost.introspection_sizes import IntrospectionSizes, introspection_sizes
from schema.engine.cost.weights import EXPENSIVE_FIELDS, LIST_SIZE, weight
from schema.engine.limits import INTROSPECTION
from schema.engine.selections import Fragments, fragments_of
from schema.entities.declarations import Relation
from schema.entities.declared import declaration_of

#: The most rows of plain lists that are longer than LIST_SIZE.
LONG_LISTS: Mapping[tuple[str, str], int] = {
    ("WebhookExplanation", "changes"): 100,
    # As many as are taken by default: most takes get fewer.
    ("WebhookMessagesTakeMutationPayload", "messages"): 100,
}

#: The operation's name, and the sizes of its variables.
_Key = tuple[str | None, tuple[tuple[str, VariableSize], ...]]

#: Costs cached for one document. A client that pages uses one or two sizes.
_MAX_CACHED = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of an operation.

    Args:
        visited: The number of selections that were looked at. A fragment is looked at once, however often it is spread.
    """

    total: int
    visited: int


class Costs:
    """The costs of the operations of a *validated* document, by their variables."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self._schema = schema
        self._document = document
        self._sizing, self._others = variables_of_arguments(document)
        self._known: dict[_Key, Cost] = {}

    def of(self, variables: Mapping[str, object] | None = None, operation_name: str | None = None) -> Cost:
        """Return the cost of one operation; 0 if there is no such operation.

        Args:
            variables: The variables as the client sent them. Values that can't be a size count as null.
        """
        given = variables or {}
        sizes = [(name, (size_of(given[name]), 0)) for name in self._sizing if name in given]
        entries = [(name, (None, entries_of(given[name]))) for name in self._others if name in given]
        key: _Key = (operation_name, (*sizes, *entries))
        found = self._known.get(key)
        if found is None:
            found = _measure(self._schema, self._document, key)
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            self._known[key] = found
        return found


def cost_error(cost: Cost, maximum: int, operation: OperationDefinitionNode | None = None) -> GraphQLError | None:
    """Return the error of an operation that costs too much, at the place of `operation`; None if it may be run."""
    if cost.total <= maximum:
        return None
    return GraphQLError(
        f"The operation may return {cost.total} values; at most {maximum} are allowed."
        " Ask for smaller pages (first) or fewer nested lists.",
        operation,
        extensions={"code": "COST_LIMIT", "requested": cost.total, "maximum": maximum},
    )


def _measure(schema: GraphQLSchema, document: DocumentNode, key: _Key) -> Cost:
    operation_name, given = key
    operation = get_operation_ast(document, operation_name)
    root = schema.get_root_type(operation.operation) if operation else None
    if operation is None or root is None:
        return Cost(total=0, visited=0)
    meter = _Meter(
        schema=schema,
        fragments=fragments_of(document),
        given=variable_sizes(operation, given),
        introspection_sizes=introspection_sizes(schema),
    )
    total = meter.selections(operation.selection_set, root).once
    return Cost(total=min(total, MAX_REPORTED), visited=meter.visited)


@dataclass(frozen=True, slots=True)
class _Weight:
    """The cost of a selection set. In a connection, `per_row` is the cost of each row of the page."""

    once: int = 0
    per_row: int = 0


@dataclass(slots=True, kw_only=True)
class _Meter:
    schema: GraphQLSchema
    fragments: Fragments
    given: Mapping[str, VariableSize]
    introspection_sizes: IntrospectionSizes
    visited: int = 0
    _measured: dict[str, _Weight] = field(default_factory=dict)

    def selections(self, selection_set: SelectionSetNode, parent: GraphQLNamedType) -> _Weight:
        once = per_row = 0
        for selection in selection_set.selections:
            self.visited += 1
            if isinstance(selection, FieldNode):
                weight = self._field(selection, parent)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                inside = self.schema.type_map[condition.name.value] if condition else parent
                weight = self.selections(selection.selection_set, inside)
            else:
                assert isinstance(selection, FragmentSpreadNode)
                weight = self._fragment(selection.name.value)
            once, per_row = once + weight.once, per_row + weight.per_row
        return _Weight(once, per_row)

    def _fragment(self, name: str) -> _Weight:
        """Measure each fragment once: thirty that each spread the next one twice expand to a thousand million."""
        if name not in self._measured:
            fragment = self.fragments[name]
            inside = self.schema.type_map[fragment.type_condition.name.value]
            self._measured[name] = self.selections(fragment.selection_set, inside)
        return self._measured[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType) -> _Weight:
        name = node.name.value
        declared = INTROSPECTION.get(name) or getattr(parent, "fields", {}).get(name)
        own = self._own(node, parent, declared)
        if declared is None or node.selection_set is None:
            return _Weight(own)
        named = get_named_type(declared.type)
        inside = self.selections(node.selection_set, named)
        if _is_connection(named):
            return _Weight(own + inside.once + self._page(node) * inside.per_row)
        if declared is TypeMetaFieldDef:
            return _Weight(own + self.introspection_sizes.of_largest(inside.once))
        if is_introspection_type(parent):
            return _Weight(own + self.introspection_sizes.rows(name, inside.once))
        if not _is_list(declared):
            return _Weight(own + inside.once)
        if _is_connection(parent):
            return _Weight(own, inside.once)
        return _Weight(own + self._rows(node, parent, declared) * inside.once)

    def _own(self, node: FieldNode, parent: GraphQLNamedType, declared: GraphQLField | None) -> int:
        """Return the cost of a field without the selections below it."""
        name = node.name.value
        listed = sum(
            literal_entries(argument.value, self.given)
            for argument in node.arguments or ()
            if argument.name.value not in SIZES
        )
        if is_introspection_type(parent):
            return 1 + listed
        if node.selection_set is None:
            return weight(parent.name, name, declared) + listed
        is_root = parent is self.schema.query_type or parent is self.schema.mutation_type
        return (EXPENSIVE_FIELDS.get(name, 1) if is_root else 1) + listed

    def _page(self, node: FieldNode) -> int:
        """Return the size of a connection's page, by the rules of app/db/keyset.py, which refuses larger pages."""
        last, first = self._argument(node, "last"), self._argument(node, "first")
        size = last if last is not None else first if first is not None else DEFAULT_PAGE_SIZE
        return min(max(size, 0), MAX_PAGE_SIZE)

    def _rows(self, node: FieldNode, parent: GraphQLNamedType, declared: GraphQLField) -> int:
        declaration = declaration_of(declared)
        if isinstance(declaration, Relation) and declaration.newest:
            first = self._argument(node, "first")
            return min(max(declaration.newest if first is None else first, 0), MAX_PAGE_SIZE)
        # GraphQL accepts a single id for a list of one. It may be a number; then it is read as a size, which is capped.
        asked = self._argument(node, "ids")
        if asked is not None:
            return min(max(asked, 0), MAX_PAGE_SIZE)
        if parent is self.schema.query_type:
            return MAX_PAGE_SIZE
        return LONG_LISTS.get((parent.name, node.name.value), LIST_SIZE)

    def _argument(self, node: FieldNode, name: str) -> int | None:
        for argument in node.arguments or ():
            if argument.name.value == name:
                value = argument.value
                if isinstance(value, VariableNode):
                    return self.given.get(value.name.value, NO_SIZE)[0]
                return literal_size(value)
        return None


def _is_connection(named: GraphQLNamedType) -> bool:
    return "pageInfo" in getattr(named, "fields", {})


def _is_list(declared: GraphQLField) -> bool:
    kind = declared.type
    return is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
