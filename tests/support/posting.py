"""One POST by a transport, as the sender makes it: its answer, or its failure."""

import asyncio
from ipaddress import ip_network

import httpx
import pytest

from app.errors import AttemptError
from workers.http.transport import Answer, post

LOOPBACK = (ip_network("127.0.0.0/8"),)
BODY = b'{"id":"1"}'


async def send(
    transport: httpx.AsyncBaseTransport,
    url: str,
    *,
    timeout_s: float = 5.0,
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"), ("X-Own", "1")),
    body: bytes = BODY,
) -> Answer:
    """POST a body."""
    # The outer bound is generous: it only turns a hang of our own into a failure.
    async with asyncio.timeout(60):
        return await post(transport, url=httpx.URL(url), headers=headers, body=body, timeout_s=timeout_s)


async def fail(transport: httpx.AsyncBaseTransport, url: str, *, timeout_s: float = 5.0) -> AttemptError:
    """POST the body, and expect that there is no answer."""
    with pytest.raises(AttemptError) as caught:
        await send(transport, url, timeout_s=timeout_s)
    return caught.value
