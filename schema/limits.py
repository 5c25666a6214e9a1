"""How large an operation may be. The limits of the API are those of stored queries; schema/cost.py has one more."""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    SelectionSetNode,
    ValidationRule,
    parse,
)

#: Of the text. Comments and white space are no tokens, but are read and kept all the same.
MAX_CHARACTERS = 100_000
MAX_TOKENS = 4_000
MAX_DEPTH = 15
MAX_ALIASES = 100

#: The fields of the root that describe the schema. `__typename` is none of them.
INTROSPECTION = frozenset({"__schema", "__type"})


def parse_within_limits(text: str) -> DocumentNode:
    """Parse a document. Raises GraphQLError, with TOKEN_LIMIT or DEPTH_LIMIT when it is too large to be read."""
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


class SizeLimitRule(ValidationRule):
    """Refuses documents that nest or alias too much, before anything is executed."""

    def enter_document(self, document: DocumentNode, *_: object) -> None:
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        for definition in document.definitions:
            selection_set = getattr(definition, "selection_set", None)
            if selection_set is None or isinstance(definition, FragmentDefinitionNode):
                continue
            depth, aliases = _measure(selection_set, fragments, {})
            if depth > MAX_DEPTH:
                message = f"The operation nests deeper than {MAX_DEPTH} levels."
                self.report_error(GraphQLError(message, [definition], extensions={"code": "DEPTH_LIMIT"}))
            if aliases > MAX_ALIASES:
                message = f"The operation has more than {MAX_ALIASES} aliases."
                self.report_error(GraphQLError(message, [definition], extensions={"code": "ALIAS_LIMIT"}))


def _measure(
    selection_set: SelectionSetNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    measured: dict[str, tuple[int, int]],
) -> tuple[int, int]:
    """Depth and number of aliases below a selection set, fragments expanded; a cycle counts once.

    Each fragment is measured once: thirty that spread the next one twice expand to a thousand million.

    What is below introspection is not counted: tools need 13 levels, and graphql-core has a limit of its own for it.
    """
    depth = aliases = 0
    for selection in selection_set.selections:
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            fragment = fragments.get(name)
            if fragment is None:
                continue
            if name not in measured:
                measured[name] = (0, 0)  # inside itself: a cycle
                measured[name] = _measure(fragment.selection_set, fragments, measured)
            below = measured[name]
        elif isinstance(selection, FieldNode) and selection.name.value in INTROSPECTION:
            below = (0, int(selection.alias is not None))
        else:
            nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
            below = _measure(nested, fragments, measured) if nested else (0, 0)
            if isinstance(selection, FieldNode):
                below = (below[0] + 1, below[1] + (selection.alias is not None))
        depth, aliases = max(depth, below[0]), aliases + below[1]
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            break
    return depth, aliases


def introspects(document: DocumentNode) -> bool:
    """Whether any operation or fragment asks for the schema itself."""
    pending = [node.selection_set for node in document.definitions if hasattr(node, "selection_set")]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode) and selection.name.value in INTROSPECTION:
                return True
            nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
            if nested:
                pending.append(nested)
    return False
