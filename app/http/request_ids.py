"""Every answer carries `X-Request-Id`. A failure is answered with it, and logged."""

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import TellgraphError
from app.http.graphql_view import refuse
from app.kernel.requests import CURRENT, RequestInfo, request_id, trace_id

_log = structlog.get_logger()

HEADER = "X-Request-Id"
#: The status of a websocket that was accepted.
_SWITCHING_PROTOCOLS = 101
_FAILED = "An internal error occurred."


class RequestIds:
    """The outermost middleware: it names the request, and answers with 500 what nothing else has answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = _read(scope)
        status = 0

        async def send_named(message: Message) -> None:
            nonlocal status
            if message["type"] in ("http.response.start", "websocket.accept"):
                status = message.get("status", _SWITCHING_PROTOCOLS)
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request.id
            await send(message)

        token = CURRENT.set(request)
        try:
            await self._app(scope, receive, send_named)
        except Exception:
            _log.exception(
                "request.failed", method=scope.get("method", "GET"), path=scope["path"], address=request.address
            )
            if status or scope["type"] == "websocket":
                # The answer has begun: only the connection's end can say that it is not whole.
                raise
            accept = Headers(scope=scope).get("accept", "")
            response = refuse(500, TellgraphError.code, _FAILED, accept, request_id=request.id)
            await response(scope, receive, send_named)
        finally:
            CURRENT.reset(token)


def _read(scope: Scope) -> RequestInfo:
    headers = Headers(scope=scope)
    client = scope.get("client")
    return RequestInfo(
        id=request_id(headers.get(HEADER)),
        trace_id=trace_id(headers.get("traceparent")),
        address=client[0] if client else None,
    )
