"""Subscriptions: an operation with any number of results, and every other operation in the same form."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

from graphql import ExecutionResult, GraphQLError, create_source_event_stream, execute
from graphql.execution import Executor

from app.auth.viewers import KeyCheck, Viewer
from app.db.pool import connection
from app.errors import DatabaseUnavailable, RateLimited, TellgraphError
from app.http.graphql_view import Operation, OperationResult
from app.http.limits.heavy_lane import Resources
from app.http.streams.open_streams import OpenStreams
from app.http.streams.results import Results, StreamResult, encode_streamed, error_result
from app.kernel.unbroken import unbroken
from schema import schema
from schema.engine.cost.operation_cost import cost_error
from schema.engine.documents import refusal_of
from schema.engine.execution import ReferenceExecution
from schema.engine.reader import Reader
from schema.errors import format_error, log_unknown, response_of
from schema.serving.keyed_operation import KeyedOperation
from schema.serving.operations import Operations, UnknownQuery

#: Seconds until an event is executed again, when the database was away.
_AGAIN_S = 0.5


class Source(Protocol):
    """The events of a subscription's field."""

    def __aiter__(self) -> AsyncIterator[object]: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamedOperations:
    """Runs operations whose results are streamed."""

    operations: Operations
    streams: OpenStreams

    async def run(
        self, key: str, key_check: KeyCheck, operation: Operation, headers: Mapping[str, str], stack: AsyncExitStack
    ) -> Results:
        """Begin an operation.

        Args:
            stack: What the operation holds is released with it, after the results were closed.

        Raises:
            WrongKey, BadRequest, RateLimited, DatabaseUnavailable: It can't be begun.
        """
        try:
            keyed = await self.operations.read(key, key_check, operation, headers)
        except UnknownQuery as unknown:
            return _single(self._encode(unknown.result))
        return await self.run_read(keyed, stack)

    async def run_read(self, keyed: KeyedOperation, stack: AsyncExitStack) -> Results:
        """Begin an operation that has been read. Arguments and errors are those of `run`."""
        if not keyed.is_subscription:
            return _single(await unbroken(self.operations.answer(keyed, self._write)))
        self.operations.rate.spend(keyed.key_id, keyed.points)
        if errors := self._request_errors(keyed):
            return self._refused(errors, "GRAPHQL_VALIDATION_FAILED")
        self.operations.keep_query(keyed)
        stack.enter_context(self.streams.place(keyed.key_id))
        begun = await self.operations.lanes.run_light(
            keyed.key_id, lambda place: unbroken(self._begin(keyed, place.resources))
        )
        if isinstance(begun, ExecutionResult):
            log_unknown(begun.errors or [])
            return self._refused(begun.errors or [], "BAD_USER_INPUT")
        stack.push_async_callback(begun.aclose)
        return self._results(keyed, begun)

    def _request_errors(self, keyed: KeyedOperation) -> list[GraphQLError]:
        document, settings = keyed.document, self.operations.settings
        assert document is not None, "it has a subscription"
        refusal = refusal_of(document, keyed.operation.variables, settings) or cost_error(keyed.cost, settings.max_cost)
        return document.errors or ([refusal] if refusal else [])

    async def _begin(self, keyed: KeyedOperation, resources: Resources) -> Source | ExecutionResult:
        """Confirm the key and call the field's resolver, which checks arguments and permissions."""
        async with connection(resources.database) as conn:
            keyed.key_check.viewer = await self.operations.confirm(conn, keyed.key)
            context = self.operations.context(keyed, Reader(conn), keyed.key_check.viewer, resources)
            context.in_lane = partial(self._in_lane, keyed)
            assert keyed.document is not None, "it has a subscription"
            executor = ReferenceExecution.build(
                schema._schema,
                keyed.document.node,
                context_value=context,
                raw_variable_values=keyed.operation.variables,
                operation_name=keyed.operation.name,
            )
            if not isinstance(executor, Executor):
                return ExecutionResult(None, errors=executor)
            try:
                begun = create_source_event_stream(executor)
                return cast("Source | ExecutionResult", await begun if executor.is_awaitable(begun) else begun)
            finally:
                await context.loaders.settle()

    async def _in_lane(self, keyed: KeyedOperation, work: Callable[[], Awaitable[None]]) -> None:
        await self.operations.lanes.run_light(keyed.key_id, lambda _: unbroken(work()))

    async def _results(self, keyed: KeyedOperation, source: Source) -> AsyncGenerator[StreamResult, None]:
        try:
            async for event in source:
                yield await self._result(keyed, event)
        except TellgraphError as error:
            yield error_result(error.code, error.message)

    async def _result(self, keyed: KeyedOperation, event: object) -> StreamResult:
        while True:
            try:
                self.operations.rate.spend(keyed.key_id, keyed.points)
                return await self._execute(keyed, event)
            except RateLimited as error:
                await asyncio.sleep(error.retry_after_s)
            except DatabaseUnavailable:
                await asyncio.sleep(_AGAIN_S)

    async def _execute(self, keyed: KeyedOperation, event: object) -> StreamResult:
        """Select from one event what the operation asks for."""
        viewer = keyed.key_check.viewer
        lanes = self.operations.lanes
        run = lanes.run_heavy if keyed.is_heavy else lanes.run_light
        return await run(
            keyed.key_id, lambda place: unbroken(self._execute_event(keyed, event, viewer, place.resources))
        )

    async def _execute_event(
        self, keyed: KeyedOperation, event: object, viewer: Viewer, resources: Resources
    ) -> StreamResult:
        assert keyed.document is not None, "it has a subscription"
        async with connection(resources.database) as conn:
            context = self.operations.context(keyed, Reader(conn), viewer, resources)
            try:
                executed = execute(
                    schema._schema,
                    keyed.document.node,
                    root_value=event,
                    context_value=context,
                    variable_values=keyed.operation.variables,
                    operation_name=keyed.operation.name,
                    executor_class=ReferenceExecution,
                )
                result = executed if isinstance(executed, ExecutionResult) else await executed
            finally:
                await context.loaders.settle()
        log_unknown(result.errors or [])
        return self._encode(OperationResult(response=response_of(result.data, result.errors), is_request_error=False))

    def _refused(self, errors: list[GraphQLError], code: str) -> Results:
        suggests = self.operations.settings.introspection
        formatted = [format_error(error, code_of_input=code, suggests=suggests) for error in errors]
        return _single(self._encode(OperationResult(response={"errors": formatted}, is_request_error=True)))

    async def _write(self, result: OperationResult) -> StreamResult:
        return self._encode(result)

    def _encode(self, result: OperationResult) -> StreamResult:
        return encode_streamed(result, self.operations.settings.max_response_bytes)


async def _single(result: StreamResult) -> AsyncGenerator[StreamResult, None]:
    yield result
