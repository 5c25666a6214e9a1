"""The operations of clients: read, limited by their key, and executed by plan or by the reference executor."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import TypeVar

from app.auth.key_uses import KeyUses
from app.auth.viewers import KeyCheck, Viewer, authenticate
from app.db.pool import Connection, connection
from app.docs.links import error_extensions
from app.http.graphql_view import Operation, OperationResult
from app.http.limits.heavy_lane import Resources
from app.http.limits.keys import Keys, WrongKey
from app.http.limits.lanes import Lanes, Place
from app.http.limits.rate_limit import RateLimiter
from app.http.limits.refusals import report_forbidden
from app.http.persisted_queries import PersistedQueries
from app.http.response_size import bound_response
from app.settings import Settings
from app.webhooks.streams.hub import Hub
from schema import documents, schema
from schema.engine.context import Context
from schema.engine.loaders import Loaders
from schema.engine.plan_executor import PlanExecutor
from schema.engine.reader import Reader
from schema.engine.waiting import Waiting
from schema.errors import format_error
from schema.serving.keyed_operation import LIGHT_BYTES, KeyedOperation
from schema.serving.reference_execution import execute_by_reference

T = TypeVar("T")

#: As Apollo Server answers. Its clients look for the message, and some of them only in an answer of 200.
_PERSISTED_QUERY_NOT_FOUND = OperationResult(
    response={
        "errors": [{"message": "PersistedQueryNotFound", "extensions": error_extensions("PERSISTED_QUERY_NOT_FOUND")}]
    },
    is_request_error=False,
)
#: The request headers that resolvers may read.
_READ_HEADERS = ("idempotency-key",)


class UnknownQuery(Exception):
    """The client has sent the hash of a query that is not known here; `result` asks for the query."""

    result = _PERSISTED_QUERY_NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Operations:
    """Executes the operations of a process's clients."""

    resources: Resources
    lanes: Lanes
    rate: RateLimiter
    settings: Settings
    plan_executor: PlanExecutor
    keys: Keys
    key_uses: KeyUses
    hub: Hub
    persisted_queries: PersistedQueries = field(default_factory=PersistedQueries)

    async def read(
        self, key: str, key_check: KeyCheck, operation: Operation, headers: Mapping[str, str]
    ) -> KeyedOperation:
        """Find the query of a hash, read the document and compute the cost. Raises UnknownQuery, WrongKey, RateLimited.

        What may take long is done in a thread.
        """
        if not operation.query:
            query = self.persisted_queries.find(key_check.viewer.actor, operation.query_hash or "")
            if query is None:
                async with connection(self.resources.database) as conn:
                    await self.confirm(conn, key)
                raise UnknownQuery
            operation = replace(operation, query=query, size=operation.size + len(query))
        keyed = KeyedOperation(headers=headers, key=key, key_check=key_check, operation=operation)
        keyed.document = documents.find(operation.query)
        if keyed.document is not None and operation.size <= LIGHT_BYTES:
            keyed.read(schema, documents)
        else:
            self.rate.check(keyed.key_id, len(operation.query))
            await self.lanes.read(keyed.key_id, lambda: keyed.read(schema, documents))
        return keyed

    async def confirm(self, conn: Connection, key: str) -> Viewer:
        """Return the key's viewer as the database has it. Raises WrongKey."""
        viewer = await authenticate(conn, key)
        self.keys.viewers.remember(key, viewer)
        if viewer is None or viewer.key_id is None:
            raise WrongKey
        self.key_uses.note(viewer.key_id)
        return viewer

    def keep_query(self, keyed: KeyedOperation) -> None:
        """Store the query of an operation that was sent with its hash, unless it has errors."""
        query_hash, document = keyed.operation.query_hash, keyed.document
        if query_hash is not None and document is not None and not document.errors:
            self.persisted_queries.keep(keyed.key_check.viewer.actor, query_hash, keyed.operation.query)

    async def answer(self, keyed: KeyedOperation, write: Callable[[OperationResult], Awaitable[T]]) -> T:
        """Run a query or a mutation, and write its answer where it was run.

        Raises:
            WrongKey, BadRequest, RateLimited, DatabaseUnavailable: It was not run.
        """
        bucket = self.rate.spend(keyed.key_id, keyed.points)

        async def by_plan(place: Place) -> T | None:
            return await self._run(keyed, place, bucket, write, is_complete=False)

        async def run(place: Place) -> T | None:
            return await self._run(keyed, place, bucket, write)

        if not keyed.is_heavy:
            answer = await self.lanes.run_light(keyed.key_id, run)
        else:
            answer = None
            is_planned = keyed.document and self.plan_executor.has_plan(keyed.document, keyed.operation.name)
            if is_planned and not keyed.is_heavy_with_plan:
                answer = await self.lanes.run_light(keyed.key_id, by_plan)
            if answer is None:
                answer = await self.lanes.run_heavy(keyed.key_id, run)
        assert answer is not None
        self.keep_query(keyed)
        return answer

    async def _run(
        self,
        keyed: KeyedOperation,
        place: Place,
        bucket: dict[str, object] | None,
        write: Callable[[OperationResult], Awaitable[T]],
        *,
        is_complete: bool = True,
    ) -> T | None:
        """Run an operation and write its answer; None if its plan has none, and `is_complete` is false."""
        if keyed.error is not None:
            result: OperationResult | None = OperationResult(
                response={"errors": [format_error(keyed.error)]}, is_request_error=True
            )
        else:
            async with AsyncExitStack() as held:
                conn = await held.enter_async_context(connection(place.resources.database))
                waiting = None
                if keyed.poll is not None:
                    waiting = Waiting(
                        poll=keyed.poll, place=place, held=held, confirm=lambda conn: self.confirm(conn, keyed.key)
                    )
                result = await self._execute(keyed, place.resources, conn, waiting, is_complete=is_complete)
        if result is None:
            return None
        report_forbidden(result.response, keyed.key_id)
        extensions = result.response.get("extensions")
        if bucket is not None and isinstance(extensions, dict) and "cost" in extensions:
            extensions["cost"] = extensions["cost"] | {"bucket": bucket}
        return await write(result)

    async def _execute(
        self,
        keyed: KeyedOperation,
        resources: Resources,
        conn: Connection,
        waiting: Waiting | None,
        *,
        is_complete: bool,
    ) -> OperationResult | None:
        """Execute an operation on behalf of the key's viewer.

        A plan reads for the viewer that the key had in an earlier request, and its statement also checks the key. This
        saves a round trip. If the statement does not confirm the key, the key is looked up before anything is answered.
        """
        operation, key_check = keyed.operation, keyed.key_check
        context = self.context(keyed, Reader(conn, key_check), key_check.viewer, resources)
        response = await self._execute_by_plan(keyed, context)
        if response is not None and key_check.is_confirmed:
            self.key_uses.note(keyed.key_id)
            return self._result(response, keyed, context)
        if not is_complete:
            return None
        viewer = await self.confirm(conn, keyed.key)
        context = self.context(keyed, Reader(conn), viewer, resources)
        context.waiting = waiting
        if key_check.viewer != viewer:
            response = await self._execute_by_plan(keyed, context)
        if response is not None:
            return self._result(response, keyed, context)
        return await execute_by_reference(schema, operation, context)

    async def _execute_by_plan(self, keyed: KeyedOperation, context: Context) -> dict[str, object] | None:
        if keyed.document is None or not keyed.may_have_plan:
            self.plan_executor.pass_by()
            return None
        operation = keyed.operation
        return await self.plan_executor.response_of(
            keyed.document, keyed.cost, operation.query, operation.variables, operation.name, context
        )

    def _result(self, response: dict[str, object], keyed: KeyedOperation, context: Context) -> OperationResult:
        """Return a plan's result. It is marked as small if an upper bound of its size is small."""
        document = keyed.document
        assert document is not None, "a plan belongs to a document"
        most = bound_response(
            characters_read=context.reader.characters,
            aliases=document.aliases,
            fields=keyed.cost.total,
            longest_name=document.longest_word,
        )
        is_small = most < self.settings.max_response_bytes
        return OperationResult(response=response, is_request_error=False, is_small=is_small)

    def context(self, keyed: KeyedOperation, reader: Reader, viewer: Viewer, resources: Resources) -> Context:
        """Return the context of an operation's resolvers."""
        return Context(
            viewer=viewer,
            reader=reader,
            loaders=Loaders(reader, viewer),
            settings=self.settings,
            database=resources.database,
            filters=resources.filters,
            hub=self.hub,
            request_headers={name: keyed.headers[name] for name in _READ_HEADERS if name in keyed.headers},
        )
