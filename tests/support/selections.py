"""Selection sets below each root list and type, as hypothesis-graphql makes them; the same for the same seed."""

from functools import cache
from typing import Any

from graphql import (
    REMOVE,
    FieldDefinitionNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    Visitor,
    build_ast_schema,
    extend_schema,
    parse,
    print_ast,
    visit,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis_graphql import queries

from schema import schema
from schema.entities.declarations import ENTITIES
from tests.support.documents import EXAMPLES, SEED
from tests.support.made_once import made_once

#: Selections per root field; each goes into several operations.
_EXAMPLES = max(20, EXAMPLES // 3)


@cache
def selections_of(name: str) -> list[str]:
    """Selection sets below a root list, or of a type, as hypothesis-graphql makes them."""
    return made_once(f"selections-{name}", lambda: _generated(name))


def _generated(name: str) -> list[str]:
    found: list[str] = []

    @seed(SEED)
    @settings(max_examples=_EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(queries(_bare_schema(), fields=[name]))
    def generate(document: str) -> None:
        operation = parse(document).definitions[0]
        assert isinstance(operation, OperationDefinitionNode)
        fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
        found.extend(_inside(field.selection_set) for field in fields if field.selection_set)

    generate()
    return list(dict.fromkeys(found)) or ["__typename"]


def _inside(selection_set: SelectionSetNode) -> str:
    return print_ast(selection_set).strip()[1:-1]


@cache
def _bare_schema() -> GraphQLSchema:
    """Without arguments, which are given later, and without what makes generating slow; every type at the root."""

    class Bare(Visitor):
        def enter_field_definition(self, node: FieldDefinitionNode, *_: object) -> Any:
            return REMOVE if node.name.value in ("node", "nodes", "webhookDryRun") else None

        def enter_input_value_definition(self, *_: object) -> Any:
            return REMOVE

        def enter_input_object_type_definition(self, *_: object) -> Any:
            return False

    sdl = visit(parse(schema.as_str()), Bare())
    entities = " ".join(f"{name}: {name}" for name in sorted(ENTITIES))
    return extend_schema(build_ast_schema(sdl, assume_valid_sdl=True), parse(f"extend type Query {{ {entities} }}"))


@cache
def node_types() -> list[str]:
    return sorted(name for name, entity in ENTITIES.items() if entity.is_node)
