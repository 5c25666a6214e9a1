"""Look up the declarations of the schema's fields."""

from collections.abc import Iterator

from graphql import GraphQLField, GraphQLInterfaceType, GraphQLObjectType

from schema.entities.declarations import Declaration
from schema.entities.fields import DeclaredField


def declaration_of(field: GraphQLField) -> Declaration | None:
    """Return the declaration of a field; None for one with a resolver of its own."""
    declared = field.extensions.get("strawberry-definition")
    return declared.declaration if isinstance(declared, DeclaredField) else None


def declared_fields(graphql_type: GraphQLObjectType | GraphQLInterfaceType) -> Iterator[tuple[str, Declaration]]:
    """List the names and declarations of a type's fields, except fields with resolvers of their own."""
    for name, field in graphql_type.fields.items():
        declaration = declaration_of(field)
        if declaration is not None:
            yield name, declaration
