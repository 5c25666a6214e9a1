"""An endpoint that takes hardly any CPU time, in its own process, so that the sender is measured.

`python -m workers.bench.environment.receiver` prints its port and runs until it is stopped. It answers `/hook` at once,
and `/held` after a request for `/release`. `/arrived` tells how many POSTs have come since `/reset`, and `/times`
when they came. `/head` and `/body` return the last POST.
"""

import asyncio
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import cast

import orjson
import uvloop

_LENGTH = b"\r\ncontent-length:"


@dataclass(slots=True)
class ReceivedPosts:
    """The POSTs since the last reset.

    Attributes:
        times: Arrival times, by the machine's monotonic clock.
        head: The head of the last POST.
        body: Its body.
        held: The connections that wait for an answer.
    """

    times: list[float] = field(default_factory=list)
    head: bytes = b""
    body: bytes = b""
    held: list[asyncio.Transport] = field(default_factory=list)

    def handle(self, head: bytes, body: bytes, transport: asyncio.Transport) -> None:
        path = head.split(b" ", 2)[1]
        if path in (b"/hook", b"/held"):
            self.times.append(time.monotonic())
            self.head, self.body = head, body
            if path == b"/held":
                self.held.append(transport)
            else:
                transport.write(_answer(b""))
        elif path == b"/head":
            transport.write(_answer(self.head))
        elif path == b"/body":
            transport.write(_answer(self.body))
        elif path == b"/times":
            transport.write(_answer(orjson.dumps(self.times)))
        else:
            self._control(path)
            state = {"posts": len(self.times), "held": len(self.held), "last": self.times[-1:]}
            transport.write(_answer(orjson.dumps(state)))

    def _control(self, path: bytes) -> None:
        if path == b"/reset":
            self.times.clear()
        elif path == b"/release":
            for transport in self.held:
                transport.write(_answer(b""))
            self.held.clear()


class Endpoint(asyncio.Protocol):
    """One connection. It reads only HTTP/1.1 requests with a Content-Length or without a body."""

    def __init__(self, arrived: ReceivedPosts) -> None:
        self._arrived = arrived
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end]
            size = end + 4 + _length(head)
            if len(self._buffer) < size:
                return
            body, self._buffer = self._buffer[end + 4 : size], self._buffer[size:]
            self._arrived.handle(head, body, self._transport)


def _length(head: bytes) -> int:
    lowered = head.lower()
    start = lowered.find(_LENGTH)
    return int(lowered[start + len(_LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else 0


def _answer(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body


async def _serve() -> None:
    loop, arrived, stopped = asyncio.get_running_loop(), ReceivedPosts(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(lambda: Endpoint(arrived), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await stopped.wait()


if __name__ == "__main__":
    uvloop.run(_serve())
