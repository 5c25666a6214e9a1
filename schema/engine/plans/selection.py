"""Selections: the fields of one concrete type, after spreading fragments, deciding conditions and merging."""

from collections.abc import Iterable
from dataclasses import dataclass

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    get_directive_values,
    is_abstract_type,
)
from graphql.execution.values import VariableValues

from schema.engine.plans.arguments import variables_of
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.selections import Fragments


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedField:
    """One key of the response. `nodes` are the fields that were merged into it."""

    key: str
    name: str
    nodes: tuple[FieldNode, ...]

    @property
    def selection_sets(self) -> tuple[SelectionSetNode, ...]:
        return tuple(node.selection_set for node in self.nodes if node.selection_set is not None)


Sets = Iterable[SelectionSetNode]


def collect(
    schema: GraphQLSchema,
    fragments: Fragments,
    on: GraphQLObjectType,
    selection_sets: Iterable[SelectionSetNode],
    variables: VariableValues | None = None,
) -> list[SelectedField]:
    """Return the fields of a selection in the response's order.

    Raises:
        UnsupportedQuery: A condition has a variable that is not among `variables`.

    Source: GraphQL specification, 6.3.2 (CollectFields) and 6.4.3 (MergeSelectionSets).
    """
    found: dict[str, list[FieldNode]] = {}
    visited: set[str] = set()

    def visit_set(selection_set: SelectionSetNode) -> None:
        for selection in selection_set.selections:
            if not _is_included(selection, variables):
                continue
            if isinstance(selection, FieldNode):
                found.setdefault(selection.alias.value if selection.alias else selection.name.value, []).append(
                    selection
                )
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                if selection.name.value in visited:
                    continue
                visited.add(selection.name.value)
                fragment = fragments[selection.name.value]
            else:
                assert isinstance(selection, InlineFragmentNode)
                fragment = selection
            condition = fragment.type_condition
            if condition is None or _applies(schema, condition.name.value, on):
                visit_set(fragment.selection_set)

    for selection_set in selection_sets:
        visit_set(selection_set)
    return [SelectedField(key=key, name=nodes[0].name.value, nodes=tuple(nodes)) for key, nodes in found.items()]


def _is_included(node: SelectionNode, variables: VariableValues | None) -> bool:
    if not node.directives:
        return True
    if not variables_of(node.directives) <= (variables.coerced.keys() if variables else set()):
        raise UnsupportedQuery("a condition depends on a variable")
    skip = get_directive_values(GraphQLSkipDirective, node, variables)
    include = get_directive_values(GraphQLIncludeDirective, node, variables)
    return not (skip and skip["if"]) and (include is None or bool(include["if"]))


def _applies(schema: GraphQLSchema, condition: str, on: GraphQLObjectType) -> bool:
    named = schema.type_map[condition]
    return named is on or (is_abstract_type(named) and schema.is_sub_type(named, on))
