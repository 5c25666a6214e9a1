"""The protocol `graphql-transport-ws`: any number of operations on one websocket.

Strawberry's own handler is not used: it parses documents by no limits but graphql-core's, and knows no API keys.

Source: https://github.com/enisdenjo/graphql-ws (PROTOCOL.md). Its clients don't come back after most codes above 4400.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass, field
from enum import Enum

import orjson
import structlog
from starlette.datastructures import Headers
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from app.auth.viewers import KeyCheck, credential
from app.errors import TellgraphError
from app.http.graphql_view import BadRequest, Operation, operation_of
from app.http.limits.keys import WrongKey
from app.http.limits.refusals import report_refusal
from app.http.streams.open_streams import OpenStream, OpenStreams, StreamEnd
from app.http.streams.results import Results, StreamResult, error_result
from app.kernel.cancellation import cancel_tasks

_log = structlog.get_logger()

SUBPROTOCOL = "graphql-transport-ws"
#: Seconds that a client has to send `connection_init`.
INIT_TIMEOUT_S = 10.0
#: Operations of one websocket at once. A client that wants more can open another one.
MAX_OPERATIONS = 1_000
#: Bytes of a close frame's reason.
_MAX_REASON = 120


class Close(Enum):
    """A code with which the server closes a websocket, and its reason."""

    SHUTDOWN = (1001, StreamEnd.SHUTDOWN.value)
    INTERNAL = (1011, "An internal error occurred.")
    BAD_MESSAGE = (4400, "Invalid message")
    UNAUTHORIZED = (4401, "Unauthorized")
    FORBIDDEN = (4403, "Forbidden")
    INIT_TIMEOUT = (4408, "Connection initialisation timeout")
    SUBSCRIBER_EXISTS = (4409, "Subscriber for {id} already exists")
    TOO_MANY_INITS = (4429, "Too many initialisation requests")


class Closing(Exception):
    """The websocket has to be closed."""

    def __init__(self, close: Close, reason: str | None = None) -> None:
        super().__init__(reason or close.value[1])
        self.code, self.reason = close.value[0], reason or close.value[1]


#: Finds the key of a client at an address. Raises WrongKey, TellgraphError.
FindKey = Callable[[str | None, str | None], Awaitable[KeyCheck]]
#: Begins an operation, whose results end when the stack is closed. Raises WrongKey, BadRequest, TellgraphError.
Run = Callable[[str, KeyCheck, Operation, Headers, AsyncExitStack], Awaitable[Results]]


@dataclass(slots=True, kw_only=True, eq=False)
class GraphQLSocket:
    """One websocket, which `handle` serves until it ends."""

    websocket: WebSocket
    find_key: FindKey
    run: Run
    streams: OpenStreams
    #: The running operations by the client's ids, and the tasks of all, also of those that the client has completed.
    _operations: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _tasks: "set[asyncio.Task[None]]" = field(default_factory=set)
    #: Is done when an operation closes the websocket.
    _closing: "asyncio.Future[Closing]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def handle(self) -> None:
        """Accept the websocket, and serve it until one side closes it."""
        if SUBPROTOCOL not in self.websocket.scope["subprotocols"]:
            await self.websocket.close()
            return
        await self.websocket.accept(SUBPROTOCOL)
        try:
            await self._serve()
        except Closing as closing:
            await self._close(closing)
        except WebSocketDisconnect:
            pass
        finally:
            await self._stop_operations()

    async def _serve(self) -> None:
        try:
            async with asyncio.timeout(INIT_TIMEOUT_S):
                key, key_check = await self._initialise()
        except TimeoutError:
            raise Closing(Close.INIT_TIMEOUT) from None
        with self.streams.opened(key_check) as stream:
            await self._send({"type": "connection_ack"})
            reading = asyncio.ensure_future(self._read(key, key_check))
            try:
                await asyncio.wait((reading, stream.ended, self._closing), return_when=asyncio.FIRST_COMPLETED)
                if self._closing.done():
                    raise self._closing.result()
                if stream.ended.done():
                    raise _closing_of(stream)
                reading.result()
            finally:
                await cancel_tasks(reading)

    async def _initialise(self) -> tuple[str, KeyCheck]:
        """Wait for `connection_init`, and return the key: of its payload, else of the websocket's own headers."""
        while True:
            message = await self._receive()
            if message["type"] == "connection_init":
                break
            if message["type"] == "subscribe":
                raise Closing(Close.UNAUTHORIZED)
            await self._answer_ping(message)
        payload = message.get("payload")
        key = _key_of(payload) or credential(self.websocket.headers)
        address = self.websocket.client.host if self.websocket.client else None
        try:
            key_check = await self.find_key(key, address)
        except WrongKey:
            report_refusal(401, "UNAUTHENTICATED", address=address)
            raise Closing(Close.FORBIDDEN) from None
        except TellgraphError as error:
            raise Closing(Close.FORBIDDEN, error.message) from error
        assert key is not None
        return key, key_check

    async def _read(self, key: str, key_check: KeyCheck) -> None:
        while True:
            message = await self._receive()
            kind, operation_id = message["type"], message.get("id")
            if kind == "connection_init":
                raise Closing(Close.TOO_MANY_INITS)
            if kind not in ("subscribe", "complete"):
                await self._answer_ping(message)
                continue
            if not isinstance(operation_id, str) or not operation_id:
                raise Closing(Close.BAD_MESSAGE, f"`{kind}` must have an `id`, which is a text")
            if kind == "complete":
                task = self._operations.pop(operation_id, None)
                if task is not None:
                    task.cancel()
                continue
            if operation_id in self._operations:
                raise Closing(Close.SUBSCRIBER_EXISTS, Close.SUBSCRIBER_EXISTS.value[1].format(id=operation_id))
            if len(self._operations) >= MAX_OPERATIONS:
                raise Closing(Close.BAD_MESSAGE, f"A websocket has at most {MAX_OPERATIONS} operations at once")
            operation = _operation_of(message)
            task = asyncio.create_task(self._run_operation(operation_id, key, key_check, operation))
            self._operations[operation_id] = task
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer_ping(self, message: Mapping[str, object]) -> None:
        if message["type"] == "ping":
            await self._send({"type": "pong"})
        elif message["type"] != "pong":
            raise Closing(Close.BAD_MESSAGE, "The `type` of a message is none that a client sends")

    async def _run_operation(self, operation_id: str, key: str, key_check: KeyCheck, operation: Operation) -> None:
        """Send an operation's results. What goes wrong closes the websocket, or ends this operation alone."""
        try:
            await self._send_results(operation_id, key, key_check, operation)
        except Closing as closing:
            self._end(closing)
        except WebSocketDisconnect:
            pass  # `_read` comes upon it, too.
        except Exception:
            _log.exception("stream.failed")
            self._end(Closing(Close.INTERNAL))
        finally:
            if self._operations.get(operation_id) is asyncio.current_task():
                del self._operations[operation_id]

    async def _send_results(self, operation_id: str, key: str, key_check: KeyCheck, operation: Operation) -> None:
        async with AsyncExitStack() as stack:
            try:
                results = await self.run(key, key_check, operation, self.websocket.headers, stack)
            except WrongKey:
                raise Closing(Close.FORBIDDEN, StreamEnd.KEY.value) from None
            except (BadRequest, TellgraphError) as error:
                await self._send_error(operation_id, error_result(error.code, error.message))
                return
            async with aclosing(results):
                async for result in results:
                    if result.request_errors:
                        await self._send_error(operation_id, result)
                        return
                    await self._send_text(
                        b'{"id":' + orjson.dumps(operation_id) + b',"type":"next","payload":' + result.body + b"}"
                    )
            self._operations.pop(operation_id, None)
            await self._send({"id": operation_id, "type": "complete"})

    async def _send_error(self, operation_id: str, result: StreamResult) -> None:
        # First, because the client may use the id again as soon as it has read this.
        self._operations.pop(operation_id, None)
        await self._send({"id": operation_id, "type": "error", "payload": result.request_errors})

    async def _receive(self) -> Mapping[str, object]:
        """Return the next message. Raises Closing, WebSocketDisconnect."""
        received = await self.websocket.receive()
        if received["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(received.get("code", 1005))
        text = received.get("text")
        if text is None:
            raise Closing(Close.BAD_MESSAGE, "A message must be text")
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise Closing(Close.BAD_MESSAGE, "A message must be JSON") from error
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise Closing(Close.BAD_MESSAGE, "A message must be an object with a `type`")
        return message

    async def _send(self, message: Mapping[str, object]) -> None:
        await self._send_text(orjson.dumps(message))

    async def _send_text(self, message: bytes) -> None:
        """Send a message, as soon as the client has taken enough of the earlier ones. Raises WebSocketDisconnect."""
        try:
            await self.websocket.send({"type": "websocket.send", "text": message.decode()})
        except RuntimeError as error:
            # Starlette's, after the websocket was closed.
            raise WebSocketDisconnect from error

    def _end(self, closing: Closing) -> None:
        if not self._closing.done():
            self._closing.set_result(closing)

    async def _close(self, closing: Closing) -> None:
        if self.websocket.application_state is not WebSocketState.CONNECTED:
            return
        reason = closing.reason.encode()[:_MAX_REASON].decode(errors="ignore")
        with suppress(RuntimeError, WebSocketDisconnect, TimeoutError):
            async with asyncio.timeout(1):
                await self.websocket.close(closing.code, reason)

    async def _stop_operations(self) -> None:
        await cancel_tasks(*self._tasks)


def _closing_of(stream: OpenStream) -> Closing:
    reason = stream.ended.result()
    return Closing(Close.SHUTDOWN if reason is StreamEnd.SHUTDOWN else Close.FORBIDDEN, reason.value)


def _key_of(payload: object) -> str | None:
    """Return the key of a `connection_init`: by a header's name, in the payload itself or in its `headers`."""
    if not isinstance(payload, dict):
        return None
    nested = payload.get("headers")
    named = {**(nested if isinstance(nested, dict) else {}), **payload}
    return credential({name.lower(): value for name, value in named.items() if isinstance(value, str)})


def _operation_of(message: Mapping[str, object]) -> Operation:
    payload = message.get("payload")
    try:
        return operation_of(payload, may_mutate=True, size=len(orjson.dumps(payload)))
    except BadRequest as error:
        raise Closing(Close.BAD_MESSAGE, error.message) from error
