"""Which columns a stored query reads: a change of any other column can't change its result."""

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.type import GraphQLInterfaceType, GraphQLNamedType, GraphQLUnionType

from schema.declarations import ENTITIES, VISIBILITY, Leaf, Relation
from schema.plans.declared import declaration_of


def watched_columns(schema: GraphQLSchema, document: DocumentNode, entity_type: str) -> frozenset[str]:
    """`table.column` of every leaf, key and visibility rule; `table.*` of every relation, whose rows may come and go.

    The document is valid. Skipped and conditional selections count as read.
    """
    walk = _Walk(schema, document)
    table = ENTITIES[entity_type].table
    walk.reads |= VISIBILITY[table.name].reads(table.name)
    # Deleted and inserted again in one batch is an UPDATE, of any of its columns.
    walk.reads.add(f"{table.name}.*")
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    assert root.selection_set is not None
    walk.selections(root.selection_set, schema.type_map[entity_type])
    return frozenset(walk.reads)


def leaf_columns(table: str, leaf: Leaf) -> frozenset[str]:
    """`table.column` of what a leaf of a row of this table reads."""
    return frozenset(f"{table}.{column}" for column in leaf.reads)


def relation_columns(table: str, relation: Relation) -> frozenset[str]:
    """`table.column` of what decides which rows a relation of a row of this table leads to."""
    target = relation.target.name
    return relation.reads | VISIBILITY[target].reads(target) | {f"{table}.{relation.local}"}


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode) -> None:
        self.schema = schema
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.reads: set[str] = set()
        # Fragments on the types that they were walked for: each is walked once.
        self._walked: set[tuple[str, str]] = set()

    def selections(self, selection_set: SelectionSetNode, on: GraphQLNamedType) -> None:
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                self.field(selection, on)
            else:
                fragment = (
                    self.fragments[selection.name.value] if isinstance(selection, FragmentSpreadNode) else selection
                )
                assert isinstance(fragment, FragmentDefinitionNode | InlineFragmentNode)
                condition = fragment.type_condition
                narrowed = self._narrowed(on, condition.name.value if condition else None)
                if isinstance(fragment, FragmentDefinitionNode):
                    if (fragment.name.value, narrowed.name) in self._walked:
                        continue
                    self._walked.add((fragment.name.value, narrowed.name))
                self.selections(fragment.selection_set, narrowed)

    def field(self, node: FieldNode, on: GraphQLNamedType) -> None:
        if node.name.value == "__typename" or isinstance(on, GraphQLUnionType):
            return
        assert isinstance(on, GraphQLObjectType | GraphQLInterfaceType)
        field = on.fields[node.name.value]
        declaration = declaration_of(field)
        if isinstance(declaration, Leaf):
            self.reads |= leaf_columns(ENTITIES[on.name].table.name, declaration)
        elif isinstance(declaration, Relation):
            self.reads |= relation_columns(ENTITIES[on.name].table.name, declaration)
        if node.selection_set is not None:
            self.selections(node.selection_set, get_named_type(field.type))

    def _narrowed(self, on: GraphQLNamedType, condition: str | None) -> GraphQLNamedType:
        """A fragment's own type, but never an interface where the object type is known already."""
        if condition is None:
            return on
        narrowed = self.schema.type_map[condition]
        return on if isinstance(narrowed, GraphQLInterfaceType) and isinstance(on, GraphQLObjectType) else narrowed
