"""The arguments of a field, as its resolver would get them."""

from collections.abc import Iterable

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLSchema,
    Node,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry.schema.schema import Schema
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from schema.entities.declarations import ArgumentValues


class Arguments:
    """The arguments of one field by their Python names, coerced and converted by the executors' own functions."""

    __slots__ = ("_constant", "_declared", "_field", "_node", "_schema")

    def __init__(self, schema: GraphQLSchema, field: GraphQLField, node: FieldNode) -> None:
        self._field, self._node = field, node
        self._schema: Schema = schema.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        self._declared = field.extensions["strawberry-definition"].arguments if field.args else []
        self._constant = None if variables_of(node.arguments) else self._values(None)

    @property
    def constant(self) -> ArgumentValues | None:
        """Return the arguments if they are the same in each request; None if they depend on variables."""
        return self._constant

    def of(self, variables: VariableValues | None) -> ArgumentValues:
        """Return the arguments of one request. Raises whatever graphql-core or Strawberry raise for wrong values."""
        return dict(self._values(variables) if self._constant is None else self._constant)

    def _values(self, variables: VariableValues | None) -> ArgumentValues:
        if not self._field.args:
            return {}
        converter = self._schema.schema_converter
        return convert_arguments(
            get_argument_values(self._field, self._node, variables),
            self._declared,
            scalar_registry=converter.scalar_registry,
            config=converter.config,
        )


def variables_of(nodes: Iterable[Node] | None) -> set[str]:
    """Return the names of all variables in these nodes."""
    find = _FindVariables()
    for node in nodes or ():
        visit(node, find)
    return find.found


class _FindVariables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        self.found.add(node.name.value)
