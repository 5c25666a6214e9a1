"""What a caller may see of an error: known ones with their code, everything else masked."""

from collections.abc import Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from app.errors import TellgraphError

_log = structlog.get_logger()

MASKED_MESSAGE = "An internal error occurred."


def response_of(data: Any, errors: Sequence[GraphQLError] | None) -> dict[str, Any]:
    """The response of an operation, as GraphQL over HTTP has it. One form for the API and for webhooks."""
    response: dict[str, Any] = {"data": data}
    if errors:
        response["errors"] = [format_error(error) for error in errors]
    return response


def format_error(error: GraphQLError) -> dict[str, Any]:
    """One error with `extensions.code`; a message that is not ours to show is replaced."""
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    if isinstance(original, TellgraphError):
        message, code = original.message, original.code
    elif original is None:
        message, code = error.message, _code_without_cause(error)
    else:
        message, code = MASKED_MESSAGE, "INTERNAL"
    formatted: dict[str, Any] = {"message": message}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        formatted["path"] = list(error.path)
    return {**formatted, "extensions": {"code": code}}


def log_unknown(errors: Sequence[GraphQLError]) -> None:
    """Log what was masked, with its traceback; known errors are the caller's business."""
    for error in errors:
        original = error.original_error
        if original is not None and not isinstance(original, TellgraphError | GraphQLError):
            _log.error("graphql.internal_error", path=error.path, exc_info=original)


def _code_without_cause(error: GraphQLError) -> str:
    """graphql-core's own errors: with a path they come from executing, without one from the document."""
    return "EXECUTION_FAILED" if error.path else "INVALID_DOCUMENT"
