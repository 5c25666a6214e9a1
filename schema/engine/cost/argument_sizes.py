"""The sizes that an operation's arguments give: pages, numbers of ids, entries of lists."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from graphql import (
    DocumentNode,
    FieldNode,
    IntValueNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    ValueNode,
    VariableNode,
)

from schema.engine.plans.arguments import variables_of
from schema.engine.selections import iter_selections

#: The largest whole number that every JSON reader takes as it is; nested fragments can reach any number.
MAX_REPORTED = 2**53 - 1

#: The arguments that decide how many rows there are.
SIZES = ("first", "last", "ids")

#: Longer whole numbers count as MAX_REPORTED: Python refuses to parse those of thousands of digits.
_MAX_DIGITS = 18

#: The size that a variable gives (None if it is not a number or a list), and the entries of all lists in it.
VariableSize = tuple[int | None, int]
NO_SIZE: VariableSize = (None, 0)


def entries_of(value: object) -> int:
    """Count the entries of all lists in a variable's value."""
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
    """List the variables that decide the number of rows, and the other variables of arguments."""
    sizing: set[str] = set()
    others: set[str] = set()
    for selection in iter_selections(document):
        for argument in (selection.arguments if isinstance(selection, FieldNode) else None) or ():
            names = sizing if argument.name.value in SIZES else others
            names |= variables_of([argument.value])
    return tuple(sorted(sizing)), tuple(sorted(others))


def size_of(value: object) -> int | None:
    if isinstance(value, list):
        return len(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def variable_sizes(
    operation: OperationDefinitionNode, given: Sequence[tuple[str, VariableSize]]
) -> dict[str, VariableSize]:
    """Return the sizes of all variables, sent or by default. One used both as a size and as an entry has both."""
    found: dict[str, VariableSize] = {
        definition.variable.name.value: (
            literal_size(definition.default_value),
            literal_entries(definition.default_value),
        )
        for definition in operation.variable_definitions or ()
    }
    found |= {name: NO_SIZE for name, _ in given}
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


def literal_entries(value: ValueNode | None, given: Mapping[str, VariableSize] = MappingProxyType({})) -> int:
    """Count the entries of all lists in an argument."""
    found, pending = 0, [value]
    while pending:
        each = pending.pop()
        if isinstance(each, VariableNode):
            found += given.get(each.name.value, NO_SIZE)[1]
        elif isinstance(each, ListValueNode):
            found += len(each.values)
            pending += each.values
        elif isinstance(each, ObjectValueNode):
            pending += [one.value for one in each.fields]
    return found
