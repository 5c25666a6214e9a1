"""Ask a GraphQL API over HTTP with a key. What is only away for a while is waited for, and the user sees it."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from app import __version__
from app.kernel.error_reason import reason_of
from app.kernel.parsed_json import ParsedJson
from app.tools.remote.errors import RemoteError, Unreachable, WrongRequest
from app.tools.remote.transport import reason_of_transport

#: Statuses of an API that has too much to do, or that is being restarted behind a proxy.
_AWAY: Final = (429, 502, 503, 504)
#: Codes of errors that say the same, of one field.
_AWAY_CODES: Final = ("UNAVAILABLE", "RATE_LIMITED")
#: Codes of requests that a key may not make, or that are wrong.
_WRONG_CODES: Final = ("UNAUTHENTICATED", "MISSING_SCOPE", "FORBIDDEN", "BAD_USER_INPUT", "GRAPHQL_VALIDATION_FAILED")
#: HTTP-like statuses of a mutation's payload that mean the same.
_WRONG_STATUSES: Final = (403, 422)
_TOO_SOON: Final = 429
#: Seconds until the second try, and at most between two tries.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 30.0
#: Seconds that an answer may take, beyond those that the API itself was asked to wait.
_ANSWER_S: Final = 30.0


@dataclass(slots=True, kw_only=True)
class RemoteApi:
    """An API elsewhere.

    Attributes:
        url: The address of `/graphql`.
        option: The option that gave the URL, such as `--remote`.
        say: Takes one line of progress at a time.
        has_answered: Whether it has answered before. Until then, nobody knows whether the URL is right.
    """

    client: httpx.AsyncClient
    url: str
    option: str
    say: Callable[[str], None]
    has_answered: bool = False
    _is_ending: asyncio.Event = field(default_factory=asyncio.Event)
    _ends_at: float | None = None

    def end_within(self, seconds: float) -> None:
        """Give up what does not succeed within so many seconds, because the command is about to end."""
        self._ends_at = asyncio.get_running_loop().time() + seconds
        self._is_ending.set()

    async def ask(self, document: str, **variables: object) -> ParsedJson:
        """Return the data of an operation. An API that is away is asked again until it answers.

        Raises:
            WrongRequest: The key or the operation is refused.
            Unreachable: The URL has never answered, or it is no GraphQL API, or `end_within` has passed.
            RemoteError: The operation has failed.
        """
        return await self._ask(document, variables, wait_s=0, headers=None)

    async def change(self, mutation: str, selection: str, **values: object) -> ParsedJson:
        """Return the payload of a mutation.

        Args:
            selection: The fields of the payload that are wanted.
            values: The input, without those that are None.

        Raises:
            TooSoon: It may be asked for again later.
            WrongRequest: The input or the key is refused.
            RemoteError: As `ask`; or the change was refused for another reason.
        """
        return await self.submit(mutation, selection, values)

    async def submit(
        self,
        mutation: str,
        selection: str,
        values: Mapping[str, object],
        *,
        wait_s: float = 0,
        headers: Mapping[str, str] | None = None,
    ) -> ParsedJson:
        """Return the payload of a mutation, as `change` does.

        Args:
            wait_s: Seconds that the API was asked to wait before it answers.
            headers: Headers beside those of every request.
        """
        document = (
            f"mutation($input: {mutation[0].upper()}{mutation[1:]}MutationInput!)"
            f" {{ {mutation}(input: $input) {{ status errors {{ field messages }} {selection} }} }}"
        )
        given = {name: value for name, value in values.items() if value is not None}
        payload = (await self._ask(document, {"input": given}, wait_s=wait_s, headers=headers))[mutation]
        if payload["errors"]:
            message = "\n".join(_said(error) for error in payload["errors"])
            if payload["status"] == _TOO_SOON:
                raise TooSoon(message)
            raise (WrongRequest if payload["status"] in _WRONG_STATUSES else RemoteError)(message)
        return payload

    async def _ask(
        self, document: str, variables: Mapping[str, object], *, wait_s: float, headers: Mapping[str, str] | None
    ) -> ParsedJson:
        for attempt in itertools.count():
            try:
                data = self._data(await self._post(document, wait_s, headers, variables))
            except _Away as away:
                await self._pause(away, attempt)
            else:
                if attempt:
                    self.say("connected again")
                self.has_answered = True
                return data
        raise AssertionError("the loop has no end of its own")

    async def _post(
        self, document: str, wait_s: float, headers: Mapping[str, str] | None, variables: Mapping[str, object]
    ) -> httpx.Response:
        timeout_s = wait_s + _ANSWER_S
        if self._ends_at is not None:
            timeout_s = max(1.0, min(timeout_s, self._ends_at - asyncio.get_running_loop().time()))
        body = {"query": document, "variables": variables}
        try:
            response = await self.client.post(self.url, json=body, headers=headers, timeout=timeout_s)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise WrongRequest(f"{self.option}: {self.url} is no address: {reason_of(error)}.") from error
        except httpx.TransportError as error:
            raise _Away(reason_of_transport(error)) from error
        if response.status_code in _AWAY:
            retry_after_s = _seconds(response.headers.get("retry-after"))
            raise _Away(f"HTTP {response.status_code}", retry_after_s, is_answer=True)
        return response

    def _data(self, response: httpx.Response) -> ParsedJson:
        try:
            answer: Any = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not {"data", "errors"} & answer.keys():
            raise Unreachable(f"{self.url} is no GraphQL API: it answered HTTP {response.status_code}.")
        if not (errors := answer.get("errors")):
            return answer["data"]
        message = "\n".join(dict.fromkeys(str(error["message"]) for error in errors))
        code = str(errors[0].get("extensions", {}).get("code", ""))
        if code in _AWAY_CODES:
            raise _Away(message, is_answer=True)
        raise (WrongRequest if code in _WRONG_CODES else RemoteError)(message)

    async def _pause(self, away: "_Away", attempt: int) -> None:
        if not self.has_answered and not away.is_answer:
            raise Unreachable(f"{self.url} can't be reached: {away.reason}.") from away
        doubled = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
        # Clients that have lost the same server must not come back all at once.
        pause_s = doubled * random.uniform(0.8, 1.0) if away.retry_after_s is None else away.retry_after_s
        if self._ends_at is not None:
            if asyncio.get_running_loop().time() >= self._ends_at:
                raise Unreachable(f"{self.url} can't be reached: {away.reason}.") from away
            await asyncio.sleep(min(pause_s, 0.5))
            return
        what = "the API asks for a pause" if away.is_answer else "connection lost"
        self.say(f"{what} ({away.reason}), trying again in {max(1, round(pause_s))} s …")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_ending.wait(), pause_s)


class TooSoon(RemoteError):
    """The same was asked for a moment ago."""


class _Away(Exception):
    """The API did not answer, or asks to come again later.

    Args:
        retry_after_s: The seconds that it names; None: none.
        is_answer: Whether something answered at the URL.
    """

    def __init__(self, reason: str, retry_after_s: float | None = None, *, is_answer: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.retry_after_s, self.is_answer = reason, retry_after_s, is_answer


@asynccontextmanager
async def remote_api(url: str, key: str, say: Callable[[str], None], *, option: str) -> AsyncIterator[RemoteApi]:
    """Open a client of the API at a URL, with or without its path `/graphql`.

    Args:
        option: The option that gave the URL, for messages about it.
    """
    headers = {"Authorization": f"Bearer {key}", "User-Agent": f"tellgraph/{__version__}"}
    async with httpx.AsyncClient(headers=headers) as client:
        yield RemoteApi(client=client, url=graphql_url(url, option), option=option, say=say)


def graphql_url(url: str, option: str) -> str:
    """Return the address of the GraphQL endpoint below a URL. Raise WrongRequest for what is no URL."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WrongRequest(f"{option}: {url!r} is no URL: {error}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise WrongRequest(f"{option}: {url!r} is no URL. Give one such as https://shop.example.com.")
    path = parsed.path.rstrip("/")
    return str(parsed if path.endswith("/graphql") else parsed.copy_with(path=f"{path}/graphql"))


def _said(error: Mapping[str, Any]) -> str:
    field_name = str(error["field"]).removeprefix("attributes.")
    told = "; ".join(error["messages"])
    return told if field_name == "base" else f"{field_name}: {told}"


def _seconds(text: str | None) -> float | None:
    """Return the seconds of a Retry-After; None for a date, which needs equal clocks, and without one."""
    return float(text) if text is not None and text.isdigit() else None
