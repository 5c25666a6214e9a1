"""The results of an operation, as both transports of streams write them."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from app.docs.links import error_extensions
from app.http.graphql_view import OperationResult, encode_result


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamResult:
    """One result.

    Attributes:
        body: The whole response as JSON.
        request_errors: The errors of an operation that was refused before anything was executed; empty for others.
    """

    body: bytes
    request_errors: Sequence[object] = ()


#: All results of an operation: one of a query or mutation, any number of a subscription.
Results = AsyncGenerator[StreamResult, None]


def encode_streamed(result: OperationResult, max_bytes: int) -> StreamResult:
    """Write a result. One of more than `max_bytes` is replaced by an error."""
    errors = result.response["errors"] if result.is_request_error else ()
    assert isinstance(errors, Sequence)
    return StreamResult(body=encode_result(result, max_bytes), request_errors=errors)


def error_result(code: str, message: str) -> StreamResult:
    """Return the result of an operation that could not be begun, or not go on."""
    errors: list[Mapping[str, object]] = [{"message": message, "extensions": error_extensions(code)}]
    return StreamResult(body=orjson.dumps({"errors": errors}), request_errors=errors)
