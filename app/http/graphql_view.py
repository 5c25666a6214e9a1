"""GraphQL over HTTP: requests are read and answered strictly. The caller executes the operation.

Source: the GraphQL-over-HTTP specification.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from app.http.response_size import exceeds

RESPONSE_JSON = "application/graphql-response+json"


class BadRequest(Exception):
    """The request is not a GraphQL request; it is answered with this status and code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A well-formed request, not parsed as GraphQL yet.

    Args:
        size: The number of bytes that it was read from.
    """

    query: str
    variables: dict[str, object] | None
    name: str | None
    may_mutate: bool
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationResult:
    """The outcome of an operation.

    Args:
        is_request_error: The document or its variables were refused, and nothing was executed.
        is_small: The answer is certainly below the size limit, so that its bytes need not be counted.
    """

    response: dict[str, object]
    is_request_error: bool
    is_small: bool = False


async def read_operation(request: Request, *, max_body_bytes: int) -> Operation:
    """Read the operation of a GET or POST request. Raises BadRequest."""
    if request.method == "GET":
        variables = request.query_params.get("variables")
        given: Any = {
            "query": request.query_params.get("query"),
            "operationName": request.query_params.get("operationName"),
            "variables": _json(variables.encode()) if variables else None,
        }
        size = len(request.scope["query_string"])
    else:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type != "application/json":
            raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", "Send the operation as application/json.")
        body = await _body(request, max_body_bytes)
        given, size = _json(body), len(body)
    return _operation(given, may_mutate=request.method == "POST", size=size)


def respond(result: OperationResult, accept: str, *, max_bytes: int) -> Response:
    """Return the HTTP response.

    A request error is a 400 for clients that accept the GraphQL media type, and a 200 for all others. An answer of
    more than `max_bytes` is replaced by an error.
    """
    knows = RESPONSE_JSON in accept
    status = 400 if knows and result.is_request_error else 200
    media_type = RESPONSE_JSON if knows else "application/json"
    if not result.is_small and exceeds(result.response, max_bytes):
        return json_response(_too_large(result, max_bytes), status, media_type)
    response = json_response(result.response, status, media_type)
    if len(response.body) > max_bytes:
        # Characters that JSON escapes take more bytes than were counted.
        return json_response(_too_large(result, max_bytes), status, media_type)
    return response


def _too_large(result: OperationResult, max_bytes: int) -> dict[str, object]:
    message = (
        f"The answer has more than {max_bytes} bytes (TELLGRAPH_MAX_RESPONSE_BYTES). Ask for fewer rows (first) or"
        " fewer fields. If this was a mutation, it has been carried out."
    )
    error = {"message": message, "extensions": {"code": "RESPONSE_TOO_LARGE", "maximum": max_bytes}}
    extensions = {name: value for name, value in result.response.items() if name == "extensions"}
    return {"data": None, "errors": [error], **extensions}


def refuse(status: int, code: str, message: str, *, request_id: str | None = None) -> Response:
    """Return an error response for a request that never became an operation.

    Args:
        request_id: Told with the error, where the log says more; None: it is not.
    """
    extensions = {"code": code} if request_id is None else {"code": code, "requestId": request_id}
    response = json_response({"errors": [{"message": message, "extensions": extensions}]}, status)
    if status == 405:
        response.headers["allow"] = "POST"
    return response


def json_response(content: object, status: int = 200, media_type: str = "application/json") -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type=f"{media_type}; charset=utf-8")


async def _body(request: Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BadRequest(413, "BODY_TOO_LARGE", f"A request may have at most {limit} bytes.")
    return bytes(body)


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # Nesting beyond the parser's limit is reported the same way.
        raise BadRequest(400, "BAD_JSON", f"The body is not JSON: {error}.") from error


def _operation(given: Any, *, may_mutate: bool, size: int) -> Operation:
    if isinstance(given, list):
        message = "Batches are not supported: send each operation as a request of its own, or select all in one."
        raise BadRequest(400, "BATCHING_UNSUPPORTED", message)
    if not isinstance(given, dict):
        raise BadRequest(400, "BAD_REQUEST", "The body must be a JSON object with `query`.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    if not isinstance(query, str) or not query.strip():
        raise BadRequest(400, "BAD_REQUEST", "`query` must be a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "BAD_REQUEST", "`variables` must be an object.")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "BAD_REQUEST", "`operationName` must be a string.")
    if not isinstance(given.get("extensions", {}), dict | None):
        raise BadRequest(400, "BAD_REQUEST", "`extensions` must be an object.")
    return Operation(query=query, variables=variables, name=name or None, may_mutate=may_mutate, size=size)
