"""Names of GraphQL are the schema's alone: the application speaks of tables, columns and its own inputs."""

import ast
import re
from collections.abc import Iterator

import pytest

from schema.entities.names import graphql_message, input_path
from schema.mutations.catalogue.adverts import AdvertUpsertMutationInput
from tests.support.sources import ROOT, server_modules

#: What speaks GraphQL to people, or over HTTP.
SPEAKS_GRAPHQL = ("app/cli/", "app/console/", "app/http/", "app/main.py", "app/tools/")
#: A placeholder in carriers' addresses; CEL's functions and letters; keywords of JSON Schema; attributes of webhooks,
#: each with its page; a key of GraphQL over HTTP that is masked in logs.
OTHERS_NAMES = {
    "app/marketplace/orders/domain/shipment.py",
    "app/docs/links.py",
    "app/webhooks/cel/types/check.py",
    "app/webhooks/cel/types/expression.py",
    "app/webhooks/cel/types/values.py",
    "app/webhooks/domain/webhook_filter.py",
    "app/telemetry/logs.py",
}
_NAME = re.compile(r"(?<![\w-])[a-z]+(?:[A-Z][a-z0-9]*)+(?!\w)")


def test_no_name_of_a_field_is_a_string_of_the_application() -> None:
    found = [
        f"{name}:{line}: {text}"
        for path in server_modules("app")
        if not (name := str(path.relative_to(ROOT))).startswith(SPEAKS_GRAPHQL) and name not in OTHERS_NAMES
        for line, text in _strings(ast.parse(path.read_text()))
        if _NAME.search(text)
    ]

    assert found == []


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Return the strings of a module and the names of arguments; not its docstrings, which may give examples."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        node.body[0].value
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.lineno, node.value
        elif isinstance(node, ast.keyword) and node.arg is not None:
            yield node.lineno, node.arg


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("line_items.0.variant_id", "lineItems.0.variantId"),
        ("attributes.queryString", "attributes.queryString"),
        ("attributes.headers.X_own_name", "attributes.headers.X_own_name"),
        ("base", "base"),
        ("attributes.variants.3.variant_id", "attributes.variants.3.id"),
    ],
)
def test_the_schema_names_the_fields_of_an_input_as_integrators_know_them(path: str, shown: str) -> None:
    assert input_path(path, AdvertUpsertMutationInput) == shown


def test_the_schema_names_what_a_message_tells_to_use() -> None:
    told = graphql_message("Use `webhook_resume`, or `webhook_update` with `enabled: true`; not a_b.")

    assert told == "Use `webhookResume`, or `webhookUpdate` with `enabled: true`; not a_b."
