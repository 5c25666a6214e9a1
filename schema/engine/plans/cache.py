"""Plans of the operations that are seen often: compiled beside the requests, forgotten with their documents."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import structlog
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType, get_operation_ast
from graphql.execution.values import VariableValues

from app.errors import TellgraphError
from schema.engine.documents import Documents, Known
from schema.engine.plans.operation import OperationPlan, compile_operation, deciding_variables
from schema.engine.plans.selection import Unsupported

#: An operation is compiled when it is met for this time in a document that was read before: its third request.
OFTEN = 2
#: Plans of one operation: one for each set of conditions that its variables have decided.
MAX_PLANS = 8
#: Compilations that wait for their turn; what else is wanted is asked for again by a later request.
MAX_WAITING = 20

_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True, eq=False)
class Seen:
    """A query of a document. `plans` by what its variables decide; None where there can be none.

    deciding  the variables on which `@skip` and `@include` hang.
    """

    text: str
    known: Known
    operation: OperationDefinitionNode
    deciding: tuple[str, ...]
    times: int = 0
    is_waiting: bool = False
    plans: dict[tuple[Any, ...], OperationPlan | None] = field(default_factory=dict)


class Plans:
    """Finds plans, and has them compiled. All but the compiling itself happens in the event loop's thread."""

    def __init__(self, schema: GraphQLSchema, documents: Documents) -> None:
        self.schema, self._documents = schema, documents
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="plans")
        self._tasks: set[asyncio.Task[None]] = set()

    def see(self, text: str, known: Known, name: str | None) -> Seen | None:
        """Count one use of a valid document's operation; None when that is no query."""
        if name not in known.seen:
            operation = get_operation_ast(known.document, name)
            if operation is None or operation.operation is not OperationType.QUERY:
                return None
            known.seen[name] = Seen(
                text=text, known=known, operation=operation, deciding=deciding_variables(known.document)
            )
        seen = known.seen[name]
        assert isinstance(seen, Seen)
        seen.times += 1
        return seen

    def find(self, seen: Seen, variables: VariableValues | None) -> OperationPlan | None:
        """The plan for these variables; None when there is none. Where one is due it is compiled meanwhile."""
        decided = tuple(variables.coerced.get(name) for name in seen.deciding) if variables else ()
        plan = seen.plans.get(decided)
        if plan is None and decided not in seen.plans and seen.times >= OFTEN and len(seen.plans) < MAX_PLANS:
            self._start(seen, lambda: self._compile(seen, decided, variables))
        return plan

    def prepare(self, seen: Seen, plan: OperationPlan, variables: VariableValues | None) -> None:
        """Have compiled meanwhile what the plan lacks for these variables."""
        self._start(seen, lambda: self._prepare(plan, variables))

    async def settle(self) -> None:
        """Wait until nothing is being compiled."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _start(self, seen: Seen, compile_: Callable[[], int]) -> None:
        if seen.is_waiting or len(self._tasks) >= MAX_WAITING:
            return
        seen.is_waiting = True
        task = asyncio.get_running_loop().create_task(self._run(seen, compile_))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, seen: Seen, compile_: Callable[[], int]) -> None:
        try:
            characters = await asyncio.get_running_loop().run_in_executor(self._thread, compile_)
            self._documents.grow(seen.text, seen.known, characters)
        except Exception as error:
            # It stays with the reference executor; and whoever waits for all tasks must not stumble over this one.
            _log.warning("plan.failed", exc_info=error)
        finally:
            seen.is_waiting = False

    def _compile(self, seen: Seen, decided: tuple[Any, ...], variables: VariableValues | None) -> int:
        """In the thread. The characters of the plan; what fails is left to the reference executor from now on."""
        started = time.perf_counter()
        plan = None
        try:
            plan = compile_operation(self.schema, seen.known.document, seen.operation, variables)
        except (Unsupported, TellgraphError, GraphQLError) as error:
            _log.info("plan.unsupported", reason=str(error))
        except Exception as error:
            _log.warning("plan.failed", exc_info=error)
        seen.plans[decided] = plan
        if plan is None:
            return 0
        _log.info("plan.compiled", characters=plan.characters, ms=round((time.perf_counter() - started) * 1000, 1))
        return plan.characters

    def _prepare(self, plan: OperationPlan, variables: VariableValues | None) -> int:
        """In the thread."""
        before = plan.characters
        plan.prepare(variables)
        return plan.characters - before
