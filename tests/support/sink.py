"""An endpoint for many and large bodies: it answers 200 to everything and notes each POST in a file.

A process of its own (`python -m tests.support.sink FILE`), so that a test's event loop stays free to measure others.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ENTITY = re.compile(rb'"entity":\{"type":"\w+","id":"([^"]+)"')
_SEQUENCE = re.compile(rb'"sequence":(\d+)')
_NAME = re.compile(rb'"event_name":"(\w+)"')
#: Bodies up to this size are noted whole.
_NOTED_BYTES = 700


class Post(NamedTuple):
    """One POST. `body` is the parsed JSON of a small body; None of a large one."""

    path: str
    name: str
    entity: str
    sequence: int
    size_bytes: int
    body: Any


@dataclass(slots=True, kw_only=True)
class Sink:
    """A running endpoint, as the test sees it."""

    port: int
    notes: Path

    def url(self, path: str = "/sink") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def posts(self) -> list[Post]:
        """Return what has arrived so far, oldest first."""
        lines = self.notes.read_bytes().split(b"\n")
        # The last one may still be being written.
        return [Post(*orjson.loads(line)) for line in lines[:-1]]


@contextmanager
def running_sink() -> Iterator[Sink]:
    """Start the process; it is killed at the end."""
    with tempfile.NamedTemporaryFile(prefix="tellgraph-sink-") as notes:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.sink", notes.name],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )
        try:
            assert process.stdout is not None
            yield Sink(port=int(process.stdout.readline()), notes=Path(notes.name))
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


class _Connection(asyncio.Protocol):
    """Reads requests one after the other and keeps only the beginning of each body."""

    def __init__(self, notes: IO[bytes]) -> None:
        self._notes = notes
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._head = b""
        self._body = bytearray()
        self._size_bytes = 0
        self._left_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while self._received:
            if self._left_bytes == 0 and not self._read_head():
                return
            self._read_body()

    def _read_head(self) -> bool:
        """Return whether a head was there whole; its body follows."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        self._head = bytes(self._received[:end])
        del self._received[: end + 4]
        found = _LENGTH.search(self._head)
        assert found is not None, self._head
        self._size_bytes = self._left_bytes = int(found[1])
        self._body.clear()
        return True

    def _read_body(self) -> None:
        part = self._received[: self._left_bytes]
        del self._received[: self._left_bytes]
        self._left_bytes -= len(part)
        self._body += part[: _NOTED_BYTES + 1 - len(self._body)]
        if self._left_bytes == 0:
            self._note()
            assert self._transport is not None
            self._transport.write(_ANSWER)

    def _note(self) -> None:
        body = bytes(self._body)
        entity, sequence, name = _ENTITY.search(body), _SEQUENCE.search(body), _NAME.search(body)
        assert entity is not None
        assert sequence is not None
        assert name is not None
        post = Post(
            path=self._head.split(b" ", 2)[1].decode(),
            name=name[1].decode(),
            entity=entity[1].decode(),
            sequence=int(sequence[1]),
            size_bytes=self._size_bytes,
            body=orjson.loads(body) if self._size_bytes <= _NOTED_BYTES else None,
        )
        self._notes.write(orjson.dumps(tuple(post)) + b"\n")


async def _serve(notes: IO[bytes]) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(notes), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    # Unbuffered: what has been answered can be read.
    with open(sys.argv[1], "wb", buffering=0) as file:
        asyncio.run(_serve(file))
