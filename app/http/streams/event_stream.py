"""GraphQL over Server-Sent Events, in “distinct connections mode”: one operation for each request.

Source: the protocol of `graphql-sse`, “GraphQL over Server-Sent Events Protocol”.
"""

import asyncio
from contextlib import AsyncExitStack

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.http.graphql_view import ANSWER_HEADERS
from app.http.negotiation import EVENT_STREAM
from app.http.streams.open_streams import OpenStream, StreamEnd
from app.http.streams.results import Results, StreamResult, error_result
from app.kernel.cancellation import cancel_tasks

#: Seconds without a result after which a comment is sent. Proxies end a connection that is silent for a minute.
HEARTBEAT_S = 30.0
_HEARTBEAT = b":\n\n"
#: `data` is there because a browser's EventSource tells nobody of an event without it.
_COMPLETE = b"event: complete\ndata:\n\n"


class EventStream(Response):
    """The answer that streams an operation's results until they end, the client goes or the server ends it.

    Args:
        stack: Is closed with the stream.
    """

    media_type = EVENT_STREAM

    def __init__(self, results: Results, stream: OpenStream, stack: AsyncExitStack) -> None:
        # nginx collects an answer before it passes it on, unless it is told not to.
        super().__init__(headers={**ANSWER_HEADERS, "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._results, self._stream, self._stack = results, stream, stack

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._stack:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            gone = asyncio.ensure_future(_wait_until_gone(receive))
            try:
                # At once, so that the client and the proxies between see that the answer has begun.
                await _send(send, _HEARTBEAT)
                await self._stream_results(send, gone)
            finally:
                await cancel_tasks(gone)

    async def _stream_results(self, send: Send, gone: "asyncio.Future[None]") -> None:
        following = asyncio.ensure_future(anext(self._results))
        try:
            while True:
                ends = (following, gone, self._stream.ended)
                done, _ = await asyncio.wait(ends, timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED)
                if gone in done:
                    return
                if not done:
                    await _send(send, _HEARTBEAT)
                elif self._stream.ended in done:
                    await _send(send, _ending(self._stream.ended.result()), is_last=True)
                    return
                else:
                    try:
                        result = following.result()
                    except StopAsyncIteration:
                        await _send(send, _COMPLETE, is_last=True)
                        return
                    await _send(send, _event(result))
                    following = asyncio.ensure_future(anext(self._results))
        finally:
            await cancel_tasks(following)


def _event(result: StreamResult) -> bytes:
    return b"event: next\ndata: " + result.body + b"\n\n"


def _ending(reason: StreamEnd) -> bytes:
    """Return the last events: a client whose key is lost is told so, and need not come back."""
    if reason is StreamEnd.SHUTDOWN:
        return _COMPLETE
    return _event(error_result("UNAUTHENTICATED", reason.value)) + _COMPLETE


async def _send(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
