"""Limits on the size of documents. The API and stored queries have the same; cost/operation_cost.py has one more."""

from collections.abc import Container, Mapping, Sequence
from typing import Any

from graphql import (
    SKIP,
    ArgumentNode,
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLSyntaxError,
    ListValueNode,
    Node,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SchemaMetaFieldDef,
    SelectionNode,
    SelectionSetNode,
    TypeMetaFieldDef,
    ValidationContext,
    ValidationRule,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableNode,
    Visitor,
    VisitorAction,
    parse,
    specified_rules,
    visit,
)
from graphql.type import GraphQLInputType
from graphql.utilities.validate_input_value import validate_input_literal
from graphql.validation.validate import ValidationAbortedError

from app.kernel.problems import MAX_ITEMS
from schema.engine.selections import Fragments, fragments_of, iter_selections

#: Characters of a document. Comments and white space are no tokens, but take memory, too.
MAX_CHARACTERS = 200_000
MAX_TOKENS = 4_000
MAX_DEPTH = 15
MAX_ALIASES = 100
#: Entries of each list in arguments and variables.
MAX_ENTRIES = MAX_ITEMS
#: Comparisons of fields that have the same key in the response, while validating: about 0.1 s. Their number grows with
#: the square of a field's repetitions. Thirty equal fragments that are spread together take 9,000.
MAX_COMPARISONS = 50_000

#: The fields of the root that describe the schema; `__typename` does not.
INTROSPECTION: Mapping[str, GraphQLField] = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}


def parse_within_limits(text: str) -> DocumentNode:
    """Parse a document.

    Raises:
        GraphQLError: It has a syntax error, or is too large (TOKEN_LIMIT, DEPTH_LIMIT).
    """
    if len(text) > MAX_CHARACTERS:
        raise GraphQLError(
            f"The document has more than {MAX_CHARACTERS} characters. Pass long values as variables.",
            extensions={"code": "TOKEN_LIMIT"},
        )
    try:
        return parse(text, max_tokens=MAX_TOKENS)
    except GraphQLSyntaxError as error:
        code = next((code for words, code in _PARSER_LIMITS.items() if words in error.description), None)
        if code is not None:
            error.extensions = {"code": code}
        raise


#: graphql-core reports its parser's own limits as syntax errors.
_PARSER_LIMITS = {"more than": "TOKEN_LIMIT", "nested too deeply": "DEPTH_LIMIT"}


def count_aliases(document: DocumentNode) -> int:
    """Return the most aliases of an operation, with fragments expanded. Counting stops above the limit."""
    ruler = Ruler(fragments_of(document))
    operations = (each for each in document.definitions if isinstance(each, OperationDefinitionNode))
    return max((ruler.measure(operation.selection_set)[1] for operation in operations), default=0)


class SizeLimitRule(ValidationRule):
    """Refuses documents that nest or alias too much, before anything is executed."""

    def enter_document(self, document: DocumentNode, *_: object) -> None:
        ruler = Ruler(fragments_of(document))
        for definition in document.definitions:
            selection_set = getattr(definition, "selection_set", None)
            if selection_set is None or isinstance(definition, FragmentDefinitionNode):
                continue
            depth, aliases = ruler.measure(selection_set)
            if depth > MAX_DEPTH:
                message = f"The operation nests deeper than {MAX_DEPTH} levels."
                self.report_error(GraphQLError(message, [definition], extensions={"code": "DEPTH_LIMIT"}))
            if aliases > MAX_ALIASES:
                message = f"The operation has more than {MAX_ALIASES} aliases."
                self.report_error(GraphQLError(message, [definition], extensions={"code": "ALIAS_LIMIT"}))


class ListLimitRule(ValidationRule):
    """Refuses literal lists that are too long. `long_list_error` does so for variables."""

    def enter_list_value(self, node: ListValueNode, _: Any, parent: Any, __: Any, ancestors: list[Any]) -> None:
        if len(node.values) > MAX_ENTRIES:
            above = (*ancestors, parent)
            named = [each.name.value for each in above if isinstance(each, ArgumentNode | ObjectFieldNode)]
            what = f"the argument {'.'.join(named)}" if named else "a variable's default"
            self.report_error(_too_long(what, len(node.values), node))


def long_list_error(document: DocumentNode, variables: Mapping[str, object] | None) -> GraphQLError | None:
    """Return the error of variables that have too long a list; None if there is none.

    The message names the variable, its field, and the argument that it is used for.
    """
    pending: list[tuple[str, Any]] = [(f"${name}", value) for name, value in (variables or {}).items()]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{path}.{name}", each) for name, each in value.items()]
        elif isinstance(value, list):
            if len(value) > MAX_ENTRIES:
                return _too_long(_argument_of(document, path), len(value))
            pending += [(f"{path}.{place}", each) for place, each in enumerate(value) if isinstance(each, dict | list)]
    return None


def _argument_of(document: DocumentNode, path: str) -> str:
    """Return `the argument legacyIds ($ids)`, or the path alone for a field of a variable."""
    find = _FindArgument(path.removeprefix("$"))
    visit(document, find)
    return f"the argument {find.found} ({path})" if find.found else f"the variable {path}"


class _FindArgument(Visitor):
    """Finds the argument, or the field of an argument, that a variable is used for."""

    def __init__(self, variable: str) -> None:
        super().__init__()
        self._variable, self.found = variable, ""

    def enter_variable(self, node: VariableNode, _: object, parent: Any, *__: object) -> None:
        if node.name.value == self._variable and isinstance(parent, ArgumentNode | ObjectFieldNode):
            self.found = self.found or parent.name.value


def _too_long(what: str, entries: int, node: Node | None = None) -> GraphQLError:
    return GraphQLError(
        f"The list in {what} has {entries} entries; at most {MAX_ENTRIES} are allowed."
        " Send the rest in further requests.",
        node,
        extensions={"code": "LIST_LIMIT", "requested": entries, "maximum": MAX_ENTRIES},
    )


class FieldOverlapRule(OverlappingFieldsCanBeMergedRule):
    """The specification's rule with a limit on its comparisons, and an error that says so."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS

    def enter_selection_set(self, selection_set: SelectionSetNode, *args: Any) -> None:
        try:
            super().enter_selection_set(selection_set, *args)
        except ValidationAbortedError:
            if self.rule_context.remaining_complexity_budget >= 0:
                raise
            message = (
                "The document selects the same fields too often to be compared. Select each once, or by one fragment."
            )
            raise ValidationAbortedError(message, selection_set, extensions={"code": "OVERLAP_LIMIT"}) from None


class LiteralRule(ValuesOfCorrectTypeRule):
    """The specification's rule with the place of each error. graphql-core leaves out that of a scalar's own errors."""

    def is_valid_value_node(self, node: ValueNode, input_type: GraphQLInputType | None) -> VisitorAction:
        def report(error: GraphQLError, path: list[str | int]) -> None:
            self.report_error(error if error.nodes else GraphQLError(error.message, _value_at(node, path)))

        if input_type is not None:
            validate_input_literal(node, input_type, report)
        return SKIP


def _value_at(node: ValueNode, path: Sequence[str | int]) -> ValueNode:
    """Return the part of a literal at a path of field names and list places."""
    for part in path:
        if isinstance(node, ListValueNode) and isinstance(part, int):
            node = node.values[part]
        elif isinstance(node, ObjectValueNode):
            node = next(field.value for field in node.fields if field.name.value == part)
    return node


#: The rules of validation, for the API and for webhooks.
RULES: tuple[type[ASTValidationRule], ...] = (
    *(rule for rule in specified_rules if rule not in (OverlappingFieldsCanBeMergedRule, ValuesOfCorrectTypeRule)),
    FieldOverlapRule,
    LiteralRule,
    SizeLimitRule,
    ListLimitRule,
)


def explain_errors(errors: list[GraphQLError]) -> list[GraphQLError]:
    """Replace graphql-core's “Validation aborted.” by an error that says why: fragments nest too deeply."""
    message = "The document nests too deeply: its fragments spread one another."
    return [
        GraphQLError(message, extensions={"code": "DEPTH_LIMIT"}) if error.message == "Validation aborted." else error
        for error in errors
    ]


class Ruler:
    """Measures the operations of one document. `visited` counts the selections that it has looked at."""

    def __init__(self, fragments: Fragments) -> None:
        self.visited = 0
        self._fragments = fragments
        self._measured: dict[str, tuple[int, int]] = {}

    def measure(self, selection_set: SelectionSetNode) -> tuple[int, int]:
        """Return depth and number of aliases, with fragments expanded.

        Counting stops above a limit. Selections below introspection are not counted: tools need 13 levels, and
        graphql-core has its own limit for them.
        """
        depth = aliases = 0
        for selection in selection_set.selections:
            self.visited += 1
            below = self._selection(selection)
            depth, aliases = max(depth, below[0]), aliases + below[1]
            if depth > MAX_DEPTH or aliases > MAX_ALIASES:
                break
        return depth, aliases

    def _selection(self, selection: SelectionNode) -> tuple[int, int]:
        if isinstance(selection, FragmentSpreadNode):
            return self._fragment(selection.name.value)
        nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
        if not isinstance(selection, FieldNode):
            return self.measure(nested) if nested else (0, 0)
        has_alias = int(selection.alias is not None)
        if selection.name.value in INTROSPECTION:
            return 0, has_alias
        below = self.measure(nested) if nested else (0, 0)
        return below[0] + 1, below[1] + has_alias

    def _fragment(self, name: str) -> tuple[int, int]:
        """Measure each fragment once: thirty that each spread the next one twice expand to a thousand million."""
        fragment = self._fragments.get(name)
        if fragment is None:
            return 0, 0
        if name not in self._measured:
            self._measured[name] = (0, 0)  # A fragment inside itself: a cycle.
            self._measured[name] = self.measure(fragment.selection_set)
        return self._measured[name]


def introspects(document: DocumentNode) -> bool:
    """Tell whether an operation or fragment selects the schema itself."""
    return selects(document, INTROSPECTION)


def selects(document: DocumentNode, names: Container[str]) -> bool:
    """Tell whether an operation or fragment selects a field of one of these names."""
    fields = (one for one in iter_selections(document) if isinstance(one, FieldNode))
    return any(field.name.value in names for field in fields)
