"""Plans of the API's operations: each root field is compiled on its own."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues, get_variable_values

from app.auth.viewers import Viewer
from app.errors import TellgraphError
from schema.engine.plans.arguments import variables_of
from schema.engine.plans.errors import BailOut, UnsupportedQuery
from schema.engine.plans.roots import ListingRoot, LookupRoot, Root, RootField
from schema.engine.plans.selection import SelectedField, collect
from schema.engine.reader import Reader
from schema.engine.selections import fragments_of, iter_selections
from schema.entities.declarations import Listing, Lookup
from schema.entities.declared import declaration_of

#: One wrong variable is enough: the reference executor reports them all.
_MAX_ERRORS = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationPlan:
    """The plan of one operation.

    Args:
        roots: The root fields by their keys in the response, in its order. A text is the value itself (`__typename`).
    """

    roots: Mapping[str, Root | str]

    @property
    def characters(self) -> int:
        """Return the length of the generated code, as a measure of memory."""
        return sum(root.characters for root in self.roots.values() if not isinstance(root, str))

    def prepare(self, variables: VariableValues | None) -> None:
        """Compile the parts that these variables need. Variables that don't fit are reported when they are used."""
        for root in self.roots.values():
            if not isinstance(root, str):
                with suppress(TellgraphError, GraphQLError):
                    root.prepare(variables)

    async def data(self, reader: Reader, viewer: Viewer, variables: VariableValues | None) -> dict[str, object]:
        """Return the response's `data`. After any exception the reference executor must answer instead."""
        return {
            key: root if isinstance(root, str) else await root.value(reader, viewer, variables)
            for key, root in self.roots.items()
        }


def compile_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues | None,
) -> OperationPlan:
    """Compile a validated query for variables that decide its conditions as these do.

    Raises:
        UnsupportedQuery: The reference executor has to answer this query.
    """
    assert schema.query_type is not None
    if operation.directives:
        raise UnsupportedQuery("a directive on the operation")
    fragments = fragments_of(document)
    found = collect(schema, fragments, schema.query_type, [operation.selection_set], variables)
    roots = {
        selected.key: _root(schema, schema.query_type, selected, fragments=fragments, variables=variables)
        for selected in found
    }
    plan = OperationPlan(roots=roots)
    plan.prepare(variables)
    return plan


def _root(schema: GraphQLSchema, on: GraphQLObjectType, selected: SelectedField, **document: Any) -> Root | str:
    if selected.name == "__typename":
        return on.name
    field = on.fields.get(selected.name)
    declaration = declaration_of(field) if field is not None else None
    if field is not None and isinstance(declaration, Listing):
        return ListingRoot(RootField(schema=schema, field=field, selected=selected, **document), declaration)
    if field is not None and isinstance(declaration, Lookup):
        return LookupRoot(RootField(schema=schema, field=field, selected=selected, **document), declaration)
    raise UnsupportedQuery(f"the root field {selected.name}")


def coerce_variables(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Mapping[str, object] | None
) -> VariableValues | None:
    """Return the variables as graphql-core reads them; None if the operation declares none.

    Raises:
        BailOut: A variable is wrong.
    """
    if not operation.variable_definitions:
        return None
    values = get_variable_values(schema, operation.variable_definitions, dict(given or {}), _MAX_ERRORS)
    if isinstance(values, list):
        raise BailOut
    return values


def condition_variables(document: DocumentNode) -> tuple[str, ...]:
    """Return the names of the variables that decide `@skip` and `@include`."""
    conditions = (directive for one in iter_selections(document) for directive in one.directives or ())
    return tuple(sorted(variables_of(conditions)))
