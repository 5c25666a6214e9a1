"""Send operations, and repeat those that may be repeated. The form without `await` is made of this file."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import httpx

from tellgraph_client.answers import TIMEOUT_S, AsyncFetch, body_of, data_of, headers_of, pause_before
from tellgraph_client.errors import TellgraphError, TransportError

P = ParamSpec("P")
Node = TypeVar("Node")


class AsyncRequests:
    """A client's connection to the API.

    Args:
        url: The address of the API, such as `https://tellgraph.example/graphql`.
        retries: How often a request is repeated that was answered by 429 or 503, or not at all.
        http: A client of your own, which you close. None: one is made.
    """

    def __init__(self, url: str, key: str, *, retries: int = 4, http: httpx.AsyncClient | None = None) -> None:
        self._url, self._key, self._retries = url, key, retries
        self._http = http or httpx.AsyncClient(timeout=TIMEOUT_S)
        self._is_own = http is None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_own:
            await self._http.aclose()

    async def execute(
        self,
        query: str,
        operation_name: str | None = None,
        variables: dict[str, object] | None = None,
        *,
        idempotency_key: str | None = None,
        retries: int | None = None,
    ) -> dict[str, Any]:
        """Run an operation and return its data. The generated methods take these options, too.

        Args:
            idempotency_key: Of a mutation, so that it is carried out once. None: each call has a key of its own.
            retries: Of this call. None: the client's.

        Raises:
            PayloadError: A mutation was refused.
            GraphQLError: The answer has errors.
            TransportError: There is no answer, or it is not GraphQL's.
        """
        headers, body = headers_of(self._key, idempotency_key), body_of(query, operation_name, variables)
        left, attempt = self._retries if retries is None else retries, 1
        while True:
            retry_after = None
            try:
                response = await self._post(headers, body)
                retry_after = response.headers.get("Retry-After")
                return data_of(response)
            except TellgraphError as error:
                pause = pause_before(attempt, error, retry_after)
                if pause is None or attempt > left:
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def _post(self, headers: dict[str, str], body: bytes) -> httpx.Response:
        try:
            return await self._http.post(self._url, headers=headers, content=body)
        except httpx.TransportError as error:
            raise TransportError(f"{type(error).__name__}: {error}") from error

    def get_data(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the data as it is: `execute` has read the answer."""
        return data

    async def each(self, fetch: AsyncFetch[P, Node], *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Node]:
        """Yield what a list holds, page by page: `client.each(client.invoices, filters=…)`."""
        page = await fetch(*args, **kwargs)
        while True:
            for node in page.nodes:
                yield node
            if not page.page_info.has_next_page:
                return
            kwargs["after"] = page.page_info.end_cursor
            page = await fetch(*args, **kwargs)
