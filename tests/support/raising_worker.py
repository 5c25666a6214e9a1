"""`tellgraph worker` with two faults: python -m tests.support.raising_worker worker.

In a process of its own, before it works: a stored query with the alias `breaksPlan` makes the compiler of plans raise
an error that nobody foresaw, and one with `breaksReference` the reference executor.
"""

from collections.abc import Sequence
from typing import Any

from graphql import print_ast
from strawberry import Schema

from app.cli.main import main
from schema.engine.context import Context
from schema.engine.plans.objects_plan import ObjectsPlan
from schema.stored import execute, plan
from schema.stored.validate import StoredQuery

_execute = execute.execute_stored_query


def _compile(compiler: Any, name: str, selections: Sequence[Any], **given: Any) -> Any:
    if any("breaksPlan" in print_ast(one) for one in selections):
        raise RuntimeError("a fault in the compiler")
    return ObjectsPlan(compiler, name, selections, **given)


async def _refer(schema: Schema, query: StoredQuery, entity_id: int, context: Context) -> bytes:
    if "breaksReference" in query.text:
        raise RuntimeError("a fault in the reference executor")
    return await _execute(schema, query, entity_id, context)


if __name__ == "__main__":
    vars(plan)["ObjectsPlan"] = _compile
    execute.execute_stored_query = _refer
    main()
