"""Forward messages to an endpoint that this machine reaches, as Tellgraph would POST them."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from app.kernel.error_reason import reason_of
from app.tools.remote.errors import WrongRequest
from app.tools.remote.messages import Message
from app.tools.remote.transport import reason_of_transport

#: Bytes of an answer that are read, and characters that are told.
_READ_BYTES, _TOLD_CHARS = 8_192, 500
_LONGEST_RETRY_AFTER_S: Final = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An endpoint's answer to one message.

    Attributes:
        status: None: there was none.
        text: The beginning of the answer; without a status, why there is none.
        retry_after_s: What the endpoint asks for; None: nothing.
    """

    status: int | None
    text: str
    duration_ms: int
    retry_after_s: int | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status <= 299

    @property
    def reason(self) -> str:
        """Why the message is rejected: the endpoint's status and words."""
        if self.status is None:
            return self.text
        return f"HTTP {self.status}: {self.text}" if self.text else f"HTTP {self.status}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarder:
    """An endpoint that messages are forwarded to.

    Attributes:
        timeout_s: Seconds that an answer may take.
        hurrying: Set: what has no answer yet is given up.
    """

    client: httpx.AsyncClient
    url: str
    timeout_s: int
    hurrying: asyncio.Event

    async def forward(self, message: Message) -> Answer:
        """POST the bytes and headers of a message, and return the answer."""
        begun = time.perf_counter()
        posting = asyncio.create_task(self._post(message))
        hurrying = asyncio.create_task(self.hurrying.wait())
        try:
            await asyncio.wait((posting, hurrying), timeout=self.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hurrying.cancel()
            if not posting.done():
                posting.cancel()
        duration_ms = round((time.perf_counter() - begun) * 1000)
        if not posting.done():
            why = "the listener was stopped" if self.hurrying.is_set() else f"no answer within {self.timeout_s} s"
            return Answer(status=None, text=f"{self.url}: {why}", duration_ms=duration_ms)
        if isinstance(error := posting.exception(), httpx.TransportError):
            return Answer(status=None, text=f"{self.url}: {reason_of_transport(error)}", duration_ms=duration_ms)
        response, text = posting.result()
        asked = response.headers.get("retry-after", "")
        return Answer(
            status=response.status_code,
            text=text,
            duration_ms=duration_ms,
            retry_after_s=min(int(asked), _LONGEST_RETRY_AFTER_S) if asked.isdecimal() else None,
        )

    async def _post(self, message: Message) -> tuple[httpx.Response, str]:
        headers = list(message.headers)
        async with self.client.stream("POST", self.url, content=message.body, headers=headers) as response:
            read = bytearray()
            async for chunk in response.aiter_raw():
                read += chunk
                if len(read) >= _READ_BYTES:
                    break
        return response, read.decode(errors="replace").strip()[:_TOLD_CHARS]


@asynccontextmanager
async def forwarder(url: str, *, timeout_s: int, hurrying: asyncio.Event) -> AsyncIterator[Forwarder]:
    """Open a client of an endpoint. Raise WrongRequest if the URL is none."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise WrongRequest(f"--forward-to: {url!r} is no URL: {reason_of(error)}.") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise WrongRequest(f"--forward-to: {url!r} is no URL. Give one such as http://localhost:8080/webhooks.")
    # A proxy from the environment is not used: the endpoint is this machine's, or its neighbour's.
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        yield Forwarder(client=client, url=url, timeout_s=timeout_s, hurrying=hurrying)
