"""Which columns a stored query reads: a change of any other column can't change its result."""

from collections.abc import Iterable

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

from app.db.graph import cascades
from schema.entities.declarations import ENTITIES, VISIBILITY, Leaf, Relation
from schema.entities.declared import declaration_of
from schema.entities.visibility import OperatorOnly


def watched_columns(schema: GraphQLSchema, document: DocumentNode, entity_type: str) -> frozenset[str]:
    """`table.column` of every leaf, key and visibility rule; `table.*` of every relation, whose rows may come and go.

    The document is valid. Skipped and conditional selections count as read. What is read below the whole that the
    entity is a part of counts twice: see `across`.
    """
    walk = _Walk(schema, document, whole_of(entity_type))
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


def whole_of(entity_type: str) -> str | None:
    """The table of what passes its changes down to such entities: adverts, of a variant; None when nothing does."""
    return next((down.whole.name for down in cascades().values() if down.below.type_name == entity_type), None)


def across(whole: str, column: str) -> str:
    """`adverts/variants.sku`: of any of the advert's variants, where `variants.sku` is the variant's own."""
    return f"{whole}/{column}"


def is_across(columns: Iterable[str]) -> bool:
    """Whether all of them are of others than the entity itself and its own parts."""
    return all("/" in column for column in columns)


def is_operators_own(entity_type: str, columns: Iterable[str]) -> bool:
    """Whether a change of such an entity is the operator's to know: it comes from a whole that no seller sees."""
    whole = whole_of(entity_type)
    return whole is not None and isinstance(VISIBILITY[whole], OperatorOnly) and is_across(columns)


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, whole: str | None) -> None:
        self.schema = schema
        self.whole = whole
        # Whether the selection that is walked lies below the whole.
        self.is_below = False
        self.fragments = {
            node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
        }
        self.reads: set[str] = set()
        # Fragments on the types that they were walked for: each is walked once.
        self._walked: set[tuple[str, str, bool]] = set()

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
                    walked = (fragment.name.value, narrowed.name, self.is_below)
                    if walked in self._walked:
                        continue
                    self._walked.add(walked)
                self.selections(fragment.selection_set, narrowed)

    def field(self, node: FieldNode, on: GraphQLNamedType) -> None:
        if node.name.value == "__typename" or isinstance(on, GraphQLUnionType):
            return
        assert isinstance(on, GraphQLObjectType | GraphQLInterfaceType)
        field = on.fields[node.name.value]
        declaration, was_below = declaration_of(field), self.is_below
        if isinstance(declaration, Leaf):
            self._read(leaf_columns(ENTITIES[on.name].table.name, declaration))
        elif isinstance(declaration, Relation):
            self._read(relation_columns(ENTITIES[on.name].table.name, declaration))
            self.is_below = was_below or declaration.target.name == self.whole
        if node.selection_set is not None:
            self.selections(node.selection_set, get_named_type(field.type))
        self.is_below = was_below

    def _read(self, columns: frozenset[str]) -> None:
        self.reads |= columns
        if self.is_below and self.whole is not None:
            self.reads |= {across(self.whole, column) for column in columns}

    def _narrowed(self, on: GraphQLNamedType, condition: str | None) -> GraphQLNamedType:
        """A fragment's own type, but never an interface where the object type is known already."""
        if condition is None:
            return on
        narrowed = self.schema.type_map[condition]
        return on if isinstance(narrowed, GraphQLInterfaceType) and isinstance(on, GraphQLObjectType) else narrowed
