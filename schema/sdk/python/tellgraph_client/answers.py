"""Both clients share the form of a request, the reading of an answer, and the rule of repetitions."""

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar
from uuid import uuid4

import httpx
from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from tellgraph_client.errors import ErrorItem, FieldError, GraphQLError, PayloadError, TransportError
from tellgraph_client.graphql.base_model import UnsetType

#: The longest pause before a repetition, in seconds. A `Retry-After` beyond it is the caller's.
LONGEST_PAUSE_S = 60.0
#: What a long poll takes at most, and the answer's way.
TIMEOUT_S = 60.0

P = ParamSpec("P")
Node = TypeVar("Node", covariant=True)


class PageInfo(Protocol):
    """The end of a page."""

    @property
    def has_next_page(self) -> bool: ...

    @property
    def end_cursor(self) -> str | None: ...


class Page(Protocol[Node]):
    """A page of a list."""

    @property
    def nodes(self) -> Sequence[Node]: ...

    @property
    def page_info(self) -> PageInfo: ...


#: A method of a client that reads a page.
AsyncFetch = Callable[P, Awaitable[Page[Node]]]
SyncFetch = Callable[P, Page[Node]]


def headers_of(key: str, idempotency_key: str | None) -> dict[str, str]:
    """Return the headers of a request. A query ignores its Idempotency-Key."""
    return {
        "Accept": "application/graphql-response+json",
        "Content-Type": "application/json",
        "Authorization": f"Bearer {key}",
        "Idempotency-Key": idempotency_key or str(uuid4()),
    }


def body_of(query: str, operation_name: str | None, variables: Mapping[str, object] | None) -> bytes:
    """Write a request as JSON. Variables that are not set are left out."""
    given = {name: _plain(value) for name, value in (variables or {}).items() if not isinstance(value, UnsetType)}
    return json.dumps({"query": query, "operationName": operation_name, "variables": given}).encode()


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return [_plain(one) for one in value] if isinstance(value, list) else to_jsonable_python(value)


def data_of(response: httpx.Response) -> dict[str, Any]:
    """Read an answer.

    Raises:
        PayloadError: A mutation was refused.
        GraphQLError: The answer has errors.
        TransportError: The answer is not GraphQL's.
    """
    try:
        answer = response.json()
    except ValueError as error:
        raise TransportError(f"HTTP {response.status_code} without JSON", response.status_code) from error
    if errors := answer.get("errors"):
        raise GraphQLError([_error_item(one) for one in errors], answer.get("data"), response.status_code)
    data = answer.get("data")
    if not isinstance(data, dict):
        raise TransportError(f"HTTP {response.status_code} without data", response.status_code)
    for name, payload in data.items():
        if isinstance(payload, dict) and isinstance(status := payload.get("status"), int) and status != 200:
            fields = [FieldError(field=one["field"], messages=one["messages"]) for one in payload.get("errors") or ()]
            raise PayloadError(name, status, fields)
    return data


def _error_item(error: Mapping[str, Any]) -> ErrorItem:
    code = (error.get("extensions") or {}).get("code", "ERROR")
    return ErrorItem(message=error["message"], code=code, path=error.get("path") or ())


def pause_before(attempt: int, error: Exception, retry_after: str | None) -> float | None:
    """Return how many seconds to wait before a request is repeated; None: it is not repeated.

    A repeated mutation has the same Idempotency-Key, so it is carried out once, also when an answer was lost.
    """
    if isinstance(error, TransportError):
        is_repeatable = error.status is None or error.status >= 500
    elif isinstance(error, GraphQLError):
        is_still_running = attempt > 1 and "IDEMPOTENCY_CONFLICT" in error.codes
        is_repeatable = error.status in (429, 503) or is_still_running
    else:
        is_repeatable = False
    if not is_repeatable:
        return None
    told = float(retry_after) if retry_after and retry_after.isdigit() else None
    pause = random.uniform(0, min(0.25 * 2 ** min(attempt, 8), 30)) if told is None else told
    return pause if pause <= LONGEST_PAUSE_S else None
