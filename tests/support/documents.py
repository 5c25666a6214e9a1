"""Stored queries made at random from the schema."""

import os
from collections.abc import Sequence
from functools import cache

from graphql import (
    DefinitionNode,
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
from tests.support.made_once import made_once

#: Documents per type and run; the nightly mode takes more, and another seed.
EXAMPLES = int(os.environ.get("TELLGRAPH_PLAN_EXAMPLES", "15"))
SEED = int(os.environ.get("TELLGRAPH_PLAN_SEED", "20261124"))


def number_of(usual: int) -> int:
    """As many in the usual run, and as many times more in the nightly mode as it takes of documents."""
    return usual * EXAMPLES // 60


@cache
def generated_queries(klass: WebhookKlass, examples: int = EXAMPLES) -> Sequence[StoredQuery]:
    """Distinct stored queries of one type. What is left out is too deep, too large, or has fields in conflict.

    Args:
        examples: The number of documents that they are left from.
    """
    made = []
    for text in made_once(f"queries-{klass.value}-{examples}", lambda: _texts(klass, examples)):
        try:
            made.append(stored_query(schema._schema, text, klass))
        except InvalidInput as error:
            if not any(reason in str(error) for reason in ("nests deeper", "aliases", "conflict")):
                raise
    return made


def _texts(klass: WebhookKlass, examples: int) -> list[str]:
    documents: list[str] = []

    @seed(SEED)
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(queries(_root_schema(klass.entity_type), fields=["node"]))
    def generate(document: str) -> None:
        documents.append(document)

    generate()
    return list(dict.fromkeys(_as_stored(document, klass.entity_type) for document in documents))


def _root_schema(entity_type: str) -> GraphQLSchema:
    """The schema with the entity as its only root field, for generating what may stand below `node`."""
    kept = [
        definition
        for definition in _definitions()
        if getattr(getattr(definition, "name", None), "value", None) not in ("Query", "Mutation")
        and not isinstance(definition, SchemaDefinitionNode)
    ]
    root = parse(f"type Query {{ node: {entity_type} }}").definitions
    return build_ast_schema(DocumentNode(definitions=(*kept, *root)), assume_valid_sdl=True)


@cache
def _definitions() -> Sequence[DefinitionNode]:
    return parse(schema.as_str()).definitions


def _as_stored(document: str, entity_type: str) -> str:
    """A generated document as a stored query; the default one where it has nothing below `node`."""
    operation = parse(document).definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    fields = [node for node in operation.selection_set.selections if isinstance(node, FieldNode)]
    below = [print_ast(field.selection_set) for field in fields if field.selection_set]
    return f"query($id: ID!) {{ node(id: $id) {{ ... on {entity_type} {below[0]} }} }}" if below else ""
