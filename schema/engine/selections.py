"""The selections of a document: all of them, its fragments, and the root field of a stored query."""

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)

Fragments = Mapping[str, FragmentDefinitionNode]


def iter_selections(document: DocumentNode) -> Iterator[SelectionNode]:
    """Yield every selection of the document's operations and fragments, at any depth."""
    pending: list[SelectionSetNode] = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while pending:
        for selection in pending.pop().selections:
            yield selection
            nested: SelectionSetNode | None = getattr(selection, "selection_set", None)
            if nested:
                pending.append(nested)


def fragments_of(document: DocumentNode) -> Fragments:
    """Return the document's fragments by their names."""
    return {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}


def operation_of(document: DocumentNode) -> OperationDefinitionNode:
    """Return the operation of a document that has one."""
    return next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))


def root_selection(document: DocumentNode) -> tuple[FieldNode, SelectionSetNode]:
    """Return the root field of a stored query, which has one, and the selection below it."""
    field = operation_of(document).selection_set.selections[0]
    assert isinstance(field, FieldNode)
    assert field.selection_set is not None
    return field, field.selection_set
