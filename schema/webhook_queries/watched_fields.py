"""The fields that a stored query watches, as paths that triggers may name."""

from collections.abc import Iterator, Mapping

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from schema.engine.selections import fragments_of, root_selection
from schema.entities.declarations import Leaf, Relation
from schema.entities.declared import declaration_of

_Fragments = Mapping[str, FragmentDefinitionNode]


def watched_fields(schema: GraphQLSchema, document: DocumentNode, entity_type: str) -> list[str]:
    """Return the paths of a valid stored query's fields, such as `lineItems.quantity`, in the order of the query.

    Keys are left out, because they never change. Each path can be a trigger, if the webhook's owner may read it.
    """
    _, selection_set = root_selection(document)
    paths = _paths(schema, fragments_of(document), selection_set, schema.type_map[entity_type], "")
    return list(dict.fromkeys(paths))


def _paths(
    schema: GraphQLSchema, fragments: _Fragments, selection_set: SelectionSetNode, on: GraphQLNamedType, prefix: str
) -> Iterator[str]:
    for selection in selection_set.selections:
        if isinstance(selection, FieldNode):
            yield from _of_field(schema, fragments, selection, on, prefix)
            continue
        fragment = fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
        assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
        condition = fragment.type_condition
        narrowed = schema.type_map[condition.name.value] if condition else on
        is_wider = isinstance(narrowed, GraphQLInterfaceType) and isinstance(on, GraphQLObjectType)
        yield from _paths(schema, fragments, fragment.selection_set, on if is_wider else narrowed, prefix)


def _of_field(
    schema: GraphQLSchema, fragments: _Fragments, node: FieldNode, on: GraphQLNamedType, prefix: str
) -> Iterator[str]:
    field = on.fields.get(node.name.value) if isinstance(on, GraphQLObjectType | GraphQLInterfaceType) else None
    if field is None:
        return
    declaration, path = declaration_of(field), f"{prefix}{node.name.value}"
    if isinstance(declaration, Leaf):
        if set(declaration.reads) - {"id"}:
            yield path
    elif node.selection_set is None:
        if isinstance(declaration, Relation):
            yield path
    else:
        # The rows of a connection are named without `nodes`.
        below = f"{path}." if isinstance(declaration, Relation) else prefix
        found = list(_paths(schema, fragments, node.selection_set, get_named_type(field.type), below))
        yield from found or ([path] if isinstance(declaration, Relation) else [])
