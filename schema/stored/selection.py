"""Which fields a selection comes to for one concrete type: fragments spread, conditions decided, equals merged."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    get_directive_values,
    is_abstract_type,
    visit,
)
from graphql.execution.values import get_argument_values


class Unsupported(Exception):
    """A plan does not know this form; the reference executor does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """One key of the response; `nodes` are all the fields that were merged into it."""

    key: str
    name: str
    nodes: tuple[FieldNode, ...]

    @property
    def selection_sets(self) -> tuple[SelectionSetNode, ...]:
        return tuple(node.selection_set for node in self.nodes if node.selection_set is not None)


Fragments = Mapping[str, FragmentDefinitionNode]


def collect(
    schema: GraphQLSchema, fragments: Fragments, on: GraphQLObjectType, selection_sets: Iterable[SelectionSetNode]
) -> list[Selected]:
    """The response's keys in their order. Raises Unsupported for a condition that hangs on a variable.

    Source: GraphQL specification, 6.3.2 (CollectFields) and 6.4.3 (MergeSelectionSets).
    """
    found: dict[str, list[FieldNode]] = {}
    visited: set[str] = set()

    def visit_set(selection_set: SelectionSetNode) -> None:
        for selection in selection_set.selections:
            if not _is_included(selection):
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
    return [Selected(key=key, name=nodes[0].name.value, nodes=tuple(nodes)) for key, nodes in found.items()]


def arguments(field: GraphQLField, node: FieldNode) -> dict[str, Any]:
    """A field's arguments by their Python names. Raises Unsupported when one hangs on a variable."""
    _refuse_variables(node.arguments or ())
    names = {name: _python_name(field, name) for name in field.args}
    return {names[name]: value for name, value in get_argument_values(field, node, None).items()}


def _python_name(field: GraphQLField, name: str) -> str:
    declared = field.args[name].extensions.get("strawberry-definition")
    return str(declared.python_name) if declared is not None else name


def _is_included(node: SelectionNode) -> bool:
    if not node.directives:
        return True
    _refuse_variables(node.directives)
    skip = get_directive_values(GraphQLSkipDirective, node)
    include = get_directive_values(GraphQLIncludeDirective, node)
    return not (skip and skip["if"]) and (include is None or bool(include["if"]))


def _applies(schema: GraphQLSchema, condition: str, on: GraphQLObjectType) -> bool:
    named = schema.type_map[condition]
    return named is on or (is_abstract_type(named) and schema.is_sub_type(named, on))


class _FindVariable(Visitor):
    def enter_variable(self, *_: object) -> None:
        raise Unsupported("a variable below the root")


def _refuse_variables(nodes: Iterable[Any]) -> None:
    for node in nodes:
        visit(node, _FindVariable())


__all__ = ["Fragments", "Selected", "Unsupported", "VariableNode", "arguments", "collect"]
