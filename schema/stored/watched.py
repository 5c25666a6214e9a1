"""The columns that a stored query reads: a change of any other column can't change its result."""

from functools import cache

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.type import GraphQLInterfaceType, GraphQLNamedType, GraphQLUnionType

from app.db.graph import cascades, parts_of_wholes, tables
from app.db.table import Table
from schema.engine.selections import fragments_of, root_selection
from schema.entities.declarations import ENTITIES, VISIBILITY, Leaf, Relation
from schema.entities.declared import declaration_of


def watched_columns(schema: GraphQLSchema, document: DocumentNode, entity_type: str) -> frozenset[str]:
    """Return the columns of a valid document's leaves, keys and visibility rules.

    A column is `table.column`. `table.*` stands for added and removed rows of a relation. Selections with `@skip` and
    `@include` count as read. A column that can also be reached through the entity's parent is listed twice; see
    `sibling_column`.
    """
    walk = _Walk(schema, document, whole_of(entity_type))
    table = ENTITIES[entity_type].table
    walk.reads |= VISIBILITY[table.name].reads(table.name)
    # A row that is deleted and inserted again in one batch is an UPDATE of any of its columns.
    walk.reads.add(f"{table.name}.*")
    _, selection_set = root_selection(document)
    walk.selections(selection_set, schema.type_map[entity_type])
    return frozenset(walk.reads)


def leaf_columns(table: str, leaf: Leaf) -> frozenset[str]:
    """Return `table.column` of the columns that a leaf reads; of `updatedAt`, all of the row and of its parts."""
    own = frozenset(f"{table}.{column}" for column in leaf.reads)
    return own | columns_of_whole(table) if "updated_at" in leaf.reads else own


@cache
def columns_of_whole(table: str) -> frozenset[str]:
    """Return all columns of a table and of the parts of its rows, down to the last."""
    found: dict[str, Table[object]] = {}
    pending = [tables()[table]]
    while pending:
        one = pending.pop()
        if one.name not in found:
            found[one.name] = one
            pending += [part for part in tables().values() if one in {of.of for of in parts_of_wholes(part)}]
    return frozenset(f"{name}.{column}" for name, one in found.items() for column in ("*", *one.columns))


def relation_columns(table: str, relation: Relation) -> frozenset[str]:
    """Return `table.column` of the columns that decide which rows a relation leads to."""
    target = relation.target.name
    own = (relation.local, *(relation.only or ())[:1])
    return relation.reads | VISIBILITY[target].reads(target) | {f"{table}.{column}" for column in own}


def whole_of(entity_type: str) -> str | None:
    """Return the parent table whose changes change such entities, as adverts do for variants; None without one."""
    return next((down.whole.name for down in cascades().values() if down.below.type_name == entity_type), None)


def sibling_column(whole: str, column: str) -> str:
    """Return the name of a column of sibling rows.

    `adverts/variants.sku` is the column of any variant of the advert; `variants.sku` is the variant's own.
    """
    return f"{whole}/{column}"


class _Walk:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, whole: str | None) -> None:
        self.schema = schema
        self.whole = whole
        # Whether the walk is below the parent table.
        self.is_below = False
        self.fragments = fragments_of(document)
        self.reads: set[str] = set()
        # Each fragment is walked once for each type.
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
                narrowed = self._narrow(on, condition.name.value if condition else None)
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
            self.reads |= {sibling_column(self.whole, column) for column in columns}

    def _narrow(self, on: GraphQLNamedType, condition: str | None) -> GraphQLNamedType:
        """Return a fragment's type, or `on` if that is an object type and the fragment's an interface."""
        if condition is None:
            return on
        narrowed = self.schema.type_map[condition]
        return on if isinstance(narrowed, GraphQLInterfaceType) and isinstance(on, GraphQLObjectType) else narrowed
