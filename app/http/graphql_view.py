"""GraphQL over HTTP: requests are read and answered strictly. The caller executes the operation.

Source: the GraphQL-over-HTTP specification.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from app.docs.links import error_extensions
from app.http.compression import MINIMUM, compress
from app.http.negotiation import JSON, RESPONSE_JSON, media_type
from app.http.persisted_queries import hash_of
from app.http.response_size import exceeds

#: The methods of the endpoint.
METHODS = ("GET", "HEAD", "POST")
#: The headers of every answer. What a key reads is nobody else's, so no cache may keep it.
ANSWER_HEADERS = {
    "Cache-Control": "no-store",
    "Vary": "Accept, Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}
_RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in ANSWER_HEADERS.items()]
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
#: For zlib: the window of gzip, and gzip's own header and checksum around it.
_GZIP = 31


class BadRequest(Exception):
    """The request is not a GraphQL request; it is answered with this status, code and headers."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A well-formed request, not parsed as GraphQL yet.

    Args:
        query: The document. Empty: the client has sent its hash alone.
        query_hash: The hash that the client has sent. It is the query's.
        size: The number of bytes that it was read from.
    """

    query: str
    variables: dict[str, object] | None
    name: str | None
    may_mutate: bool
    size: int
    query_hash: str | None = None


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
    """Read the operation of a GET, HEAD or POST request. Raises BadRequest."""
    if request.method == "POST":
        _check_content_type(request.headers.get("content-type", ""))
        body = await _body(request, max_body_bytes)
        given, size = _json(body), len(body)
    else:
        parameters = request.query_params
        given = {name: parameters.get(name) for name in ("query", "operationName")}
        given |= {name: _json(text.encode()) for name in ("variables", "extensions") if (text := parameters.get(name))}
        size = len(request.scope["query_string"])
    return operation_of(given, may_mutate=request.method == "POST", size=size)


async def respond(result: OperationResult, headers: Headers, *, max_bytes: int, is_compressed: bool) -> Response:
    """Return the HTTP response to a request with these headers.

    A request error is a 400 for clients that accept the GraphQL media type, and a 200 for all others. An answer of
    more than `max_bytes` is replaced by an error.
    """
    kind = media_type(headers.get("accept", ""))
    status = 400 if kind == RESPONSE_JSON and result.is_request_error else 200
    body = encode_result(result, max_bytes)
    if not is_compressed or len(body) < MINIMUM:
        return _response(body, status, kind)
    body, coding = await compress(body, headers.get("accept-encoding", ""))
    return _response(body, status, kind, {"Content-Encoding": coding} if coding else None)


def encode_result(result: OperationResult, max_bytes: int) -> bytes:
    """Write a response as JSON. One of more than `max_bytes` is replaced by an error."""
    body = None if not result.is_small and exceeds(result.response, max_bytes) else orjson.dumps(result.response)
    if body is None or len(body) > max_bytes:
        # Characters that JSON escapes take more bytes than were counted.
        body = orjson.dumps(_too_large(result, max_bytes))
    return body


def _too_large(result: OperationResult, max_bytes: int) -> dict[str, object]:
    message = (
        f"The answer has more than {max_bytes} bytes (TELLGRAPH_MAX_RESPONSE_BYTES). Ask for fewer rows (first) or"
        " fewer fields. If this was a mutation, it has been carried out."
    )
    error = {"message": message, "extensions": error_extensions("RESPONSE_TOO_LARGE", maximum=max_bytes)}
    extensions = {name: value for name, value in result.response.items() if name == "extensions"}
    return {"data": None, "errors": [error], **extensions}


def refuse(
    status: int,
    code: str,
    message: str,
    accept: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    request_id: str | None = None,
) -> Response:
    """Return an error response for a request that never became an operation, in the media type that it accepts.

    Args:
        request_id: Told with the error, where the log says more; None: it is not.
    """
    extensions = error_extensions(code, **({} if request_id is None else {"requestId": request_id}))
    body = orjson.dumps({"errors": [{"message": message, "extensions": extensions}]})
    return _response(body, status, media_type(accept), headers)


def _response(body: bytes, status: int, kind: str, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(body, status, headers, f"{kind}; charset=utf-8")
    response.raw_headers += _RAW_HEADERS
    return response


def _check_content_type(content_type: str) -> None:
    kind, *parameters = (part.strip() for part in content_type.lower().split(";"))
    charsets = [part.partition("=")[2].strip('"') for part in parameters if part.startswith("charset=")]
    if kind != JSON or not {*charsets} <= {"utf-8", "utf8"}:
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", "Send the operation as application/json, in UTF-8.")


async def _body(request: Request, limit: int) -> bytes:
    """Return the body as it was before it was compressed. Of a larger one no more than `limit` bytes are inflated."""
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip", "x-gzip"):
        message = f"Send the body as it is or compressed by gzip, not by {coding[:40]!r}."
        raise BadRequest(415, "UNSUPPORTED_MEDIA_TYPE", message, {"Accept-Encoding": "gzip"})
    inflater = None if coding == "identity" else zlib.decompressobj(_GZIP)
    body, received = bytearray(), 0
    async for chunk in request.stream():
        received += len(chunk)
        body += chunk if inflater is None else _inflated(inflater, chunk, limit + 1 - len(body))
        if max(received, len(body)) > limit:
            raise BadRequest(413, "BODY_TOO_LARGE", f"A request may have at most {limit} bytes.")
    if inflater is not None and (not inflater.eof or inflater.unused_data):
        raise BadRequest(400, "BAD_REQUEST", "The body is not one whole gzip stream.")
    return bytes(body.removeprefix(_BYTE_ORDER_MARK))


def _inflated(inflater: "zlib._Decompress", chunk: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(chunk, most)
    except zlib.error as error:
        raise BadRequest(400, "BAD_REQUEST", f"The body is not compressed by gzip: {error}.") from error


def _json(text: bytes) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # Nesting beyond the parser's limit is reported the same way.
        raise BadRequest(400, "BAD_JSON", f"The body is not JSON: {error}.") from error


def operation_of(given: object, *, may_mutate: bool, size: int) -> Operation:
    """Read an operation from the JSON that a client has sent. Raises BadRequest."""
    if isinstance(given, list):
        message = "Batches are not supported: send each operation as a request of its own, or select all in one."
        raise BadRequest(400, "BATCHING_UNSUPPORTED", message)
    if not isinstance(given, dict):
        raise BadRequest(400, "BAD_REQUEST", "The body must be a JSON object with `query`.")
    query, variables, name = given.get("query"), given.get("variables"), given.get("operationName")
    query_hash = _query_hash(given.get("extensions"))
    if query_hash is not None and not query:
        query = ""
    elif not isinstance(query, str) or not query.strip():
        raise BadRequest(400, "BAD_REQUEST", "`query` must be a GraphQL document.")
    if variables is not None and not isinstance(variables, dict):
        raise BadRequest(400, "BAD_REQUEST", "`variables` must be an object.")
    if name is not None and not isinstance(name, str):
        raise BadRequest(400, "BAD_REQUEST", "`operationName` must be a string.")
    if query_hash is not None and query and hash_of(query) != query_hash:
        raise BadRequest(400, "BAD_REQUEST", "`sha256Hash` is not the SHA-256 of `query`.")
    return Operation(
        query=query, variables=variables, name=name or None, may_mutate=may_mutate, size=size, query_hash=query_hash
    )


def _query_hash(extensions: object) -> str | None:
    """Return the hash of an automatic persisted query; None for any other request."""
    if not isinstance(extensions, dict | None):
        raise BadRequest(400, "BAD_REQUEST", "`extensions` must be an object.")
    persisted = (extensions or {}).get("persistedQuery")
    if persisted is None:
        return None
    query_hash = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(query_hash, str) or persisted.get("version") != 1:
        message = "`persistedQuery` must have `version` 1, and `sha256Hash`."
        raise BadRequest(400, "BAD_REQUEST", message)
    return query_hash.lower()
