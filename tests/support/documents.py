"""Stored queries made at random from the schema."""

import os

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    SchemaDefinitionNode,
    build_ast_schema,
    parse,
    print_ast,
)
from hypothesis import HealthCheck, given, seed, settings
from hypothesis_graphql import queries

from app.errors import InvalidInput
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.stored.validate import StoredQuery, stored_query

#: Documents per type and run; the nightly mode takes more, and another seed.
EXAMPLES = int(os.environ.get("TELLGRAPH_PLAN_EXAMPLES", "30"))
SEED = int(os.environ.get("TELLGRAPH_PLAN_SEED", "20261124"))


def number_of(usual: int) -> int:
    """As many in the usual run, and as many times more in the nightly mode as it takes of documents."""
    return usual * EXAMPLES // 60


def generated_queries(klass: WebhookKlass, examples: int = EXAMPLES) -> list[StoredQuery]:
    """Distinct stored queries of one type. What is left out is too deep, too large, or has fields in conflict.

    Args:
        examples: The number of documents that they are left from.
    """
    documents: list[str] = []

    @seed(SEED)
    @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries(_root_schema(klass.entity_type), fields=["node"]))
    def generate(document: str) -> None:
        documents.append(document)

    generate()
    made = []
    for text in dict.fromkeys(_as_stored(document, klass.entity_type) for document in documents):
        try:
            made.append(stored_query(schema._schema, text or "", klass))
        except InvalidInput as error:
            if not any(reason in str(error) for reason in ("nests deeper", "aliases", "conflict")):
                raise
    return made


def _root_schema(entity_type: str) -> GraphQLSchema:
    """The schema with the entity as its only root field, for generating what may stand below `node`."""
    kept = [
        definition
        for definition in parse(schema.as_str()).definitions
        if getattr(getattr(definition, "name", None), "value", None) not in ("Query", "Mutation")
        and not isinstance(definition, SchemaDefinitionNode)
    ]
    root = parse(f"type Query {{ node: {entity_type} }}").definitions
    return build_ast_schema(DocumentNode(definitions=(*kept, *root)), assume_valid_sdl=True)


def _as_stored(document: str, entity_type: str) -> str | None:
    """A generated document as a stored query; None where it has nothing below `node`."""
    operation = parse(document).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    below = [print_ast(field.selection_set) for field in fields if field.selection_set]
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {entity_type} {below[0]} }} }}" if below else None
