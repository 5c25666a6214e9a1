"""Plans of frequent operations: compiled in a thread while requests are served, dropped with their documents."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType, get_operation_ast
from graphql.execution.values import VariableValues

from app.errors import TellgraphError
from schema.engine.documents import Document, Documents
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.plans.operation import OperationPlan, compile_operation, condition_variables

#: An operation is compiled when its document has been found in the cache this many times: with its third request.
OFTEN = 2
#: Plans of one operation: one for each combination of values that decide `@skip` and `@include`.
MAX_PLANS = 8
#: Compilations that wait for their turn. More are not queued: a later request asks again.
MAX_WAITING = 20

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True, eq=False)
class PlanSlot:
    """The plans of one query of a document.

    Args:
        text: The document's text, its key in the cache.
        condition_variables: The variables that decide `@skip` and `@include`.
        times: How often the query was used.
        is_waiting: A compilation is queued or running.
        plans: Plans by the values of those variables. None where no plan is possible.
    """

    text: str
    document: Document
    operation: OperationDefinitionNode
    condition_variables: tuple[str, ...]
    times: int = 0
    is_waiting: bool = False
    plans: dict[tuple[Any, ...], OperationPlan | None] = field(default_factory=dict)


class Plans:
    """Finds plans and has them compiled in a thread. Several threads may execute operations."""

    def __init__(self, schema: GraphQLSchema, documents: Documents) -> None:
        self.schema, self._documents = schema, documents
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plans")
        self._jobs: set[Future[None]] = set()

    def use_slot(self, text: str, document: Document, name: str | None) -> PlanSlot | None:
        """Count one use of a valid document's operation. None if it is not a query."""
        if name not in document.slots:
            operation = get_operation_ast(document.node, name)
            if operation is None or operation.operation is not OperationType.QUERY:
                return None
            document.slots[name] = PlanSlot(
                text=text,
                document=document,
                operation=operation,
                condition_variables=condition_variables(document.node),
            )
        slot = document.slots[name]
        assert isinstance(slot, PlanSlot)
        slot.times += 1
        return slot

    def find(self, slot: PlanSlot, variables: VariableValues | None) -> OperationPlan | None:
        """Return the plan for these variables, or None. If one is due, its compilation is queued."""
        values = tuple(variables.coerced.get(name) for name in slot.condition_variables) if variables else ()
        plan = slot.plans.get(values)
        if plan is None and values not in slot.plans and slot.times >= OFTEN and len(slot.plans) < MAX_PLANS:
            self._start(slot, lambda: self._compile(slot, values, variables))
        return plan

    def prepare(self, slot: PlanSlot, plan: OperationPlan, variables: VariableValues | None) -> None:
        """Queue the compilation of the parts that the plan lacks for these variables."""
        self._start(slot, lambda: self._prepare(plan, variables))

    async def settle(self) -> None:
        """Wait until nothing is being compiled."""
        while jobs := [*self._jobs]:
            await asyncio.gather(*map(asyncio.wrap_future, jobs))

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self, slot: PlanSlot, compile_: Callable[[], int]) -> None:
        if slot.is_waiting or len(self._jobs) >= MAX_WAITING:
            return
        slot.is_waiting = True
        job = self._thread.submit(self._run, slot, compile_)
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)

    def _run(self, slot: PlanSlot, compile_: Callable[[], int]) -> None:
        try:
            self._documents.grow(slot.text, slot.document, compile_())
        except Exception as error:
            # The reference executor goes on answering. The error must not reach `settle`, which waits for all jobs.
            _log.warning("plan.failed", exc_info=error)
        finally:
            slot.is_waiting = False

    def _compile(self, slot: PlanSlot, values: tuple[Any, ...], variables: VariableValues | None) -> int:
        """Compile in the thread; return the characters of the plan, 0 if it failed.

        After a failure, the reference executor answers this operation for as long as its document is cached.
        """
        started = time.perf_counter()
        plan = None
        try:
            plan = compile_operation(self.schema, slot.document.node, slot.operation, variables)
        except (UnsupportedQuery, TellgraphError, GraphQLError) as error:
            _log.info("plan.unsupported", reason=str(error))
        except Exception as error:
            _log.warning("plan.failed", exc_info=error)
        slot.plans[values] = plan
        if plan is None:
            return 0
        _log.info("plan.compiled", characters=plan.characters, ms=round((time.perf_counter() - started) * 1000, 1))
        return plan.characters

    def _prepare(self, plan: OperationPlan, variables: VariableValues | None) -> int:
        """Compile further parts in the thread; return their characters."""
        before = plan.characters
        plan.prepare(variables)
        return plan.characters - before
