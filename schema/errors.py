"""Errors in responses: known ones are shown with their code, all others are masked."""

import re
from collections.abc import Mapping, Sequence

import structlog
from graphql import GraphQLError, GraphQLSyntaxError

from app.docs.links import error_extensions
from app.errors import TellgraphError
from app.kernel.requests import current_request

_log = structlog.get_logger()

#: The end of graphql-core's messages that names what the schema has.
_SUGGESTION = re.compile(r" Did you mean [^?]*\?")
_UNKNOWN_ATTRIBUTE = re.compile(
    r"('Webhook(?:Create|Update)Attributes' not to include unknown field '(\w+)')"
    r"(?:\. Did you mean [^?]*\? Found|, found)"
)
#: Attributes of a webhook, by the names that they have elsewhere.
_MEANT = {
    **dict.fromkeys(("query", "graphqlQuery", "payloadQuery"), "queryString"),
    **dict.fromkeys(("secret", "hmacSecret", "signingSecret"), "hmacKey"),
    **dict.fromkeys(("topic", "topics"), "eventNames"),
    **dict.fromkeys(("active", "isActive", "isEnabled"), "enabled"),
    **dict.fromkeys(("endpoint", "targetUrl", "callbackUrl"), "url"),
    **dict.fromkeys(("timeout", "timeoutS"), "timeoutSeconds"),
}
MASKED_MESSAGE = "An internal error occurred."

#: Every value of `extensions.code` with its meaning for clients. No other code is sent.
#: Where Apollo Server has a code for an error, that is the code here, because tools know it. All others are ours.
CODES: Mapping[str, str] = {
    # The request was not an operation: HTTP 4xx, and only `errors`.
    "BAD_REQUEST": "The request is not of the form of GraphQL over HTTP.",
    "BAD_JSON": "The body, or the `variables` of a GET, are not JSON.",
    "BATCHING_UNSUPPORTED": "The body is a list; each request has one operation.",
    "BODY_TOO_LARGE": "The body is larger than TELLGRAPH_MAX_BODY_BYTES.",
    "METHOD_NOT_ALLOWED": "A mutation was sent with GET, or the method is none of GET, HEAD and POST.",
    "RATE_LIMITED": "The API key, or the client's address, asks for too much; `Retry-After` says when to try again.",
    "UNAUTHENTICATED": "The API key is missing, unknown, revoked or expired.",
    "OPERATION_RESOLUTION_FAILURE": (
        "`operationName` is none of the document's operations, or absent where there are several; or a subscription was"
        " asked for without a stream."
    ),
    "PERSISTED_QUERY_NOT_FOUND": "The hash is not known here (any more): send the query with it.",
    "UNSUPPORTED_MEDIA_TYPE": "The body is not JSON in UTF-8, or is compressed by something else than gzip.",
    # The operation was refused before anything was executed: only `errors`.
    "ALIAS_LIMIT": "The operation has too many aliases.",
    "COST_LIMIT": "The operation may return too many values; `requested` and `maximum` say how many.",
    "DEPTH_LIMIT": "The operation nests too deeply.",
    "INTROSPECTION_DISABLED": "The operation asks for the schema, and TELLGRAPH_INTROSPECTION is off.",
    "GRAPHQL_PARSE_FAILED": "The document has a syntax error.",
    "GRAPHQL_VALIDATION_FAILED": "The document does not fit the schema.",
    "LIST_LIMIT": "A list in an argument or a variable has too many entries; `requested` and `maximum` say how many.",
    "OVERLAP_LIMIT": "The document selects the same fields too often for their equality to be checked.",
    "TOKEN_LIMIT": "The document is too long.",
    # One field failed: it is null in `data`, and `path` names it. The payload of a mutation has its errors as data.
    "CONFLICT": "The object does not allow this now.",
    "EXECUTION_FAILED": "A value could not be given as its type demands.",
    "FORBIDDEN": "The viewer may not see or do this.",
    "INT_OVERFLOW": "The amount does not fit GraphQL's Int; its `…Formatted` twin has it.",
    "BAD_USER_INPUT": "A variable or an argument is wrong, such as a malformed id or too large a page.",
    "MISSING_SCOPE": "The API key lacks the scope that this needs.",
    "NOT_FOUND": "What was named does not exist, or not for this viewer.",
    "IDEMPOTENCY_CONFLICT": "The Idempotency-Key was used with another body, or is in use at the moment.",
    "TOO_SOON": "The same was asked for a moment ago; try again later.",
    "TOO_MANY": "A list without pages has more than it may return.",
    "UNREADABLE": "The stored time is beyond the years 1 to 9999.",
    # The answer was refused after the operation was executed: `data` is null.
    "RESPONSE_TOO_LARGE": "The answer has more than TELLGRAPH_MAX_RESPONSE_BYTES; `maximum` says how many.",
    # Errors of the server.
    "INTERNAL_SERVER_ERROR": "Something failed that is not the client's business; the log has it.",
    "NO_SECRET_KEY": "TELLGRAPH_SECRET_KEY is not set.",
    "UNAVAILABLE": "The database can't be reached; try again. HTTP 503 when nothing was executed.",
    "WRONG_SECRET_KEY": "TELLGRAPH_SECRET_KEY is not the one that the stored secrets were encrypted under.",
}


def response_of(data: object, errors: Sequence[GraphQLError] | None) -> dict[str, object]:
    """Return the response of an operation in the form of GraphQL over HTTP, for the API and for webhooks."""
    response: dict[str, object] = {"data": data}
    if errors:
        response["errors"] = [format_error(error) for error in sorted(errors, key=_place)]
    return response


def _place(error: GraphQLError) -> tuple[list[tuple[int, int]], list[tuple[str, int]]]:
    """Return the sort key of an error: its place in the document, then in the result.

    Fields fail in an order that depends on timing, but equal results must be equal bytes.
    """
    places = [(place.line, place.column) for place in error.locations or ()]
    return places, [("", part) if isinstance(part, int) else (part, 0) for part in error.path or ()]


def format_error(
    error: GraphQLError, *, code_of_input: str = "GRAPHQL_VALIDATION_FAILED", suggests: bool = True
) -> dict[str, object]:
    """Format an error with its `extensions.code` and the page that explains it. An unknown error's message is masked.

    Args:
        code_of_input: The code of graphql-core's errors about the document or the variables, whichever they are.
        suggests: Whether the message may suggest names of the schema.
    """
    original = error.original_error
    while isinstance(original, GraphQLError):
        original = original.original_error
    extensions: dict[str, object] = {}
    if isinstance(original, TellgraphError):
        message, code = original.message, original.code
    elif original is None or _is_about_input(error):
        message, extensions = error.message, dict(error.extensions or {})
        # Errors of the limits bring their own code.
        code = str(extensions.pop("code", None) or _code_without_cause(error, code_of_input))
    else:
        message, code, extensions = MASKED_MESSAGE, "INTERNAL_SERVER_ERROR", _named_request()
    shown = _with_own_suggestion(message) if suggests else _SUGGESTION.sub("", message)
    formatted: dict[str, object] = {"message": shown}
    if error.locations:
        formatted["locations"] = [{"line": place.line, "column": place.column} for place in error.locations]
    if error.path is not None:
        formatted["path"] = list(error.path)
    return {**formatted, "extensions": error_extensions(code, **extensions)}


def _with_own_suggestion(message: str) -> str:
    """Suggest the attribute of a webhook that a usual name means. The nearest spelling may be another's."""
    match = _UNKNOWN_ATTRIBUTE.search(message)
    if match is None or match[2] not in _MEANT:
        return message
    return f"{message[: match.start()]}{match[1]}. Did you mean '{_MEANT[match[2]]}'? Found{message[match.end() :]}"


def _named_request() -> dict[str, object]:
    """Return the id of the request that is being answered, by which the log has the cause."""
    request = current_request()
    return {} if request is None else {"requestId": request.id}


def log_unknown(errors: Sequence[GraphQLError]) -> None:
    """Log masked errors with their tracebacks. Known errors are not logged here."""
    for error in errors:
        original = error.original_error
        if original is None or _is_about_input(error):
            continue
        if not isinstance(original, TellgraphError | GraphQLError):
            _log.error("graphql.internal_error", path=error.path, exc_info=original)


def _is_about_input(error: GraphQLError) -> bool:
    """Tell whether a scalar's parser refused a literal or variable: such an error has a place, but no path."""
    return error.path is None and bool(error.nodes)


def _code_without_cause(error: GraphQLError, code_of_input: str) -> str:
    """Return the code of graphql-core's own errors: with a path they are of the execution."""
    if isinstance(error, GraphQLSyntaxError):
        return "GRAPHQL_PARSE_FAILED"
    return "EXECUTION_FAILED" if error.path else code_of_input
