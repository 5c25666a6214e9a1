"""Documents about the API for programs: the SDL, its introspection, and the owner's webhooks as AsyncAPI."""

import hashlib
from collections.abc import Awaitable, Callable
from functools import cache, partial

import orjson
from graphql import introspection_from_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.auth.viewers import credential
from app.http.compression import MINIMUM, compress
from app.http.graphql_view import ANSWER_HEADERS, BadRequest, OperationResult, operation_of
from app.http.refused_requests import answer_or_refuse
from app.kernel.parsed_json import JsonObject
from schema import schema
from schema.serving.asyncapi import async_api, webhook_of
from schema.serving.operations import Operations

#: It confirms the key and costs what the smallest operation costs.
_CHECK = "query SchemaDocument { __typename }"
#: Its pages are small, because a stored query's schema is large.
_WEBHOOKS = """query AsyncApi($isOperators: Boolean, $after: String) {
  webhooks(first: 50, after: $after, filters: {isOperators: $isOperators}) {
    nodes { id type delivery url description eventNames payloadSchema }
    pageInfo { hasNextPage endCursor }
  }
}"""

#: Reads a document for the request's key: its bytes and media type.
Reading = Callable[["_Reader"], Awaitable[tuple[bytes, str]]]


def document_routes(operations: Operations) -> list[Route]:
    """Return the routes of `/schema.graphql`, `/schema.json` and `/asyncapi.json`. All need a key."""
    documents: dict[str, Reading] = {
        "/schema.graphql": _sdl,
        "/schema.json": _introspection,
        "/asyncapi.json": _async_api,
    }
    return [Route(path, partial(_serve, operations, read)) for path, read in documents.items()]


async def _serve(operations: Operations, read: Reading, request: Request) -> Response:
    accept, address = request.headers.get("accept", ""), request.client.host if request.client else None
    return await answer_or_refuse(_document(operations, read, request, address), accept=accept, address=address)


async def _document(operations: Operations, read: Reading, request: Request, address: str | None) -> Response:
    key = credential(request.headers)
    key_check = await operations.keys.find(key, address)
    assert key is not None

    async def run(query: str, variables: JsonObject) -> JsonObject:
        operation = operation_of({"query": query, "variables": variables}, may_mutate=False, size=len(query))
        keyed = await operations.read(key, key_check, operation, {})
        return await operations.answer(keyed, _response)

    reader = _Reader(run, operations.settings.max_response_bytes, is_operator=key_check.viewer.is_operator)
    body, kind = await read(reader)
    # Weak, because the bytes differ by their coding.
    etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**ANSWER_HEADERS, "Cache-Control": "private, no-cache", "ETag": etag}
    if etag in (one.strip() for one in request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    if operations.settings.compression and len(body) >= MINIMUM:
        body, coding = await compress(body, request.headers.get("accept-encoding", ""))
        headers |= {"Content-Encoding": coding} if coding else {}
    return Response(body, headers=headers, media_type=kind)


async def _response(result: OperationResult) -> JsonObject:
    return result.response


class _Reader:
    """Runs operations with the request's key.

    Attributes:
        most: The most bytes of a document.
        is_operator: Whether the key is the operator's, who could also read sellers' webhooks.
    """

    def __init__(
        self, run: Callable[[str, JsonObject], Awaitable[JsonObject]], most: int, *, is_operator: bool
    ) -> None:
        self._run, self.most, self.is_operator = run, most, is_operator

    async def data(self, query: str, **variables: object) -> JsonObject:
        """Return the data of an operation. Raises BadRequest for its errors."""
        response = await self._run(query, variables)
        errors = response.get("errors")
        if errors:
            raise BadRequest(403, errors[0]["extensions"]["code"], errors[0]["message"])
        data: JsonObject = response["data"]
        return data


async def _sdl(reader: _Reader) -> tuple[bytes, str]:
    await reader.data(_CHECK)
    return _printed(), "text/plain; charset=utf-8"


async def _introspection(reader: _Reader) -> tuple[bytes, str]:
    await reader.data(_CHECK)
    return _introspected(), "application/json"


async def _async_api(reader: _Reader) -> tuple[bytes, str]:
    webhooks, size, after = [], 0, None
    while True:
        answer = await reader.data(_WEBHOOKS, isOperators=True if reader.is_operator else None, after=after)
        page = answer["webhooks"]
        webhooks += [webhook_of(node) for node in page["nodes"]]
        size += sum(len(orjson.dumps(node)) for node in page["nodes"])
        if size > reader.most:
            message = f"The document has more than {reader.most} bytes (TELLGRAPH_MAX_RESPONSE_BYTES)."
            raise BadRequest(413, "RESPONSE_TOO_LARGE", message)
        if not page["pageInfo"]["hasNextPage"]:
            return orjson.dumps(async_api(webhooks)), "application/json"
        after = page["pageInfo"]["endCursor"]


@cache
def _printed() -> bytes:
    return f"{schema.as_str()}\n".encode()


@cache
def _introspected() -> bytes:
    return orjson.dumps({"data": introspection_from_schema(schema._schema)})
