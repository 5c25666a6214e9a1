"""What the arguments of an operation say of its size: pages, numbers of ids, entries of lists."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
)

from schema.engine.plans.arguments import variables_of

#: The largest whole number that every JSON reader takes as it is; nested fragments can reach any number.
MAX_REPORTED = 2**53 - 1

#: The arguments that decide how many rows there are.
SIZES = ("first", "last", "ids")

#: Longer whole numbers are as good as infinite, and Python refuses to read those of thousands of digits.
_MAX_DIGITS = 18

#: What a variable gives: a size, and how many entries the lists in it have.
Given = tuple[int | None, int]
NOTHING: Given = (None, 0)


def entries_of(value: Any) -> int:
    """How many entries the lists in a variable's value have, all together."""
    found, pending = 0, [value]
    while pending:
        each = pending.pop()
        if isinstance(each, list):
            found += len(each)
            pending += each
        elif isinstance(each, dict):
            pending += each.values()
    return found


def variables_of_arguments(document: DocumentNode) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The variables that decide how many rows there are, and all others that arguments have."""
    sizing: set[str] = set()
    others: set[str] = set()
    pending: list[SelectionSetNode] = [
        definition.selection_set
        for definition in document.definitions
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode)
    ]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode):
                for argument in selection.arguments or ():
                    names = sizing if argument.name.value in SIZES else others
                    names |= variables_of([argument.value])
            nested = getattr(selection, "selection_set", None)
            if nested:
                pending.append(nested)
    return tuple(sorted(sizing)), tuple(sorted(others))


def size_of(value: Any) -> int | None:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def given_by(operation: OperationDefinitionNode, given: Sequence[tuple[str, Given]]) -> dict[str, Given]:
    """What each variable gives, by itself or by its default. One that is both a size and an entry gives both."""
    found: dict[str, Given] = {
        definition.variable.name.value: (
            literal_size(definition.default_value),
            literal_entries(definition.default_value),
        )
        for definition in operation.variable_definitions or ()
    }
    found |= {name: NOTHING for name, _ in given}
    for name, (size, entries) in given:
        before = found[name]
        found[name] = (size if size is not None else before[0], entries + before[1])
    return found


def literal_size(value: ValueNode | None) -> int | None:
    if isinstance(value, ListValueNode):
        return len(value.values)
    if not isinstance(value, IntValueNode):
        return None
    return int(value.value) if len(value.value) <= _MAX_DIGITS else MAX_REPORTED


def literal_entries(value: ValueNode | None, given: Mapping[str, Given] = MappingProxyType({})) -> int:
    """How many entries the lists in an argument have."""
    found, pending = 0, [value]
    while pending:
        each = pending.pop()
        if isinstance(each, VariableNode):
            found += given.get(each.name.value, NOTHING)[1]
        elif isinstance(each, ListValueNode):
            found += len(each.values)
            pending += each.values
        elif isinstance(each, ObjectValueNode):
            pending += [one.value for one in each.fields]
    return found
