"""Public signatures speak of types. Those that must say `Any` are listed here, each with its reason."""

import ast
from collections.abc import Iterator

from tests.support.sources import ROOT, server_modules

GRAPHQL_CORE = "graphql-core calls it, and gives no types"
ARQ = "arq calls it with arguments that it passes on"
UVICORN = "uvicorn calls it with options that it passes on"

REASONS = {
    "app/db/keyset.py encode_cursor": "a row or a view of any table: the sort names its columns",
    "app/db/table.py Table.converter": "the types of driver and row differ for each column",
    "app/db/table.py Table.kind": "a type, which may be a generic one",
    "app/http/limits/connections.py server_config": UVICORN,
    "app/kernel/attributes.py sent_values": "the attributes of any dataclass",
    "app/telemetry/logs.py name_request": "structlog's own loggers, of which there are many",
    "schema/__init__.py TellgraphSchema.execute": "Strawberry's signature",
    "schema/engine/execution.py ReferenceExecution.settle_in_background": GRAPHQL_CORE,
    "schema/engine/limits.py ListLimitRule.enter_list_value": GRAPHQL_CORE,
    "schema/engine/limits.py FieldOverlapRule.enter_selection_set": GRAPHQL_CORE,
    "schema/engine/loaders.py Loaders.by_id": "a row, which resolvers return in the place of its GraphQL type",
    "schema/engine/loaders.py Loaders.wait_for": "nobody looks at the results",
    "schema/engine/plans/code.py Code.built": "generated functions",
    "schema/entities/declarations.py Entity.row_of": "a row, which resolvers return in the place of its GraphQL type",
    "schema/mutations/payload.py run_mutation": "the input of any mutation",
    "schema/mutations/payload.py run_unrecorded": "the input of any mutation",
    "workers/process.py WokenWorker.__init__": ARQ,
    "workers/process.py WokenWorker.finish_job": ARQ,
    "workers/process.py WokenWorker.finish_failed_job": ARQ,
}


def _functions(
    node: ast.AST, names: tuple[str, ...] = ()
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """List the public functions of a module and of its public classes, by their dotted names."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if child.name.startswith("_") and child.name not in ("__init__", "__call__"):
            continue
        name = (*names, child.name)
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, name)
        else:
            yield ".".join(name), child


def _says_any(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    given = function.args
    arguments = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    annotations = [*(one.annotation for one in arguments if one is not None), function.returns]
    return any(
        isinstance(part, ast.Name) and part.id == "Any"
        for annotation in annotations
        if annotation is not None
        for part in ast.walk(annotation)
    )


def test_public_signatures_say_any_only_for_a_reason() -> None:
    found = {
        f"{path.relative_to(ROOT)} {name}"
        for path in server_modules("app", "schema", "workers")
        for name, function in _functions(ast.parse(path.read_text()))
        if _says_any(function)
    }

    assert found == REASONS.keys()
    assert len(found) < 20
