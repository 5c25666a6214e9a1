"""How large an operation may be. The limits of the API are those of stored queries."""

from collections.abc import Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    SelectionSetNode,
    ValidationRule,
)

MAX_TOKENS = 4_000
MAX_DEPTH = 15
MAX_ALIASES = 100


class SizeLimitRule(ValidationRule):
    """Refuses documents that nest or alias too much, before anything is executed."""

    def enter_document(self, document: DocumentNode, *_: object) -> None:
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        for definition in document.definitions:
            selection_set = getattr(definition, "selection_set", None)
            if selection_set is None or isinstance(definition, FragmentDefinitionNode):
                continue
            depth, aliases = _measure(selection_set, fragments, ())
            if depth > MAX_DEPTH:
                self.report_error(GraphQLError(f"The operation nests deeper than {MAX_DEPTH} levels.", [definition]))
            if aliases > MAX_ALIASES:
                self.report_error(GraphQLError(f"The operation has more than {MAX_ALIASES} aliases.", [definition]))


def _measure(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], inside: tuple[str, ...]
) -> tuple[int, int]:
    """Depth and number of aliases below a selection set, fragments expanded; a cycle counts once.

    Introspection is not counted: its own nesting is bounded by the schema's wrappers, and tools need 13 levels.
    """
    depth = aliases = 0
    for selection in selection_set.selections:
        if isinstance(selection, FragmentSpreadNode):
            name = selection.name.value
            fragment = fragments.get(name)
            if fragment is None or name in inside:
                continue
            below = _measure(fragment.selection_set, fragments, (*inside, name))
        elif isinstance(selection, FieldNode) and selection.name.value.startswith("__"):
            continue
        else:
            nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
            below = _measure(nested, fragments, inside) if nested else (0, 0)
            if isinstance(selection, FieldNode):
                below = (below[0] + 1, below[1] + (selection.alias is not None))
        depth, aliases = max(depth, below[0]), aliases + below[1]
        if depth > MAX_DEPTH or aliases > MAX_ALIASES:
            break
    return depth, aliases
