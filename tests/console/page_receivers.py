"""Receivers that a page shows, run as they stand there."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.clients import CLIENTS

_TSCONFIG = """{"compilerOptions": {"strict": true, "target": "ES2023", "module": "NodeNext", "types": ["node"],
  "noEmitOnError": true, "skipLibCheck": true}}"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@asynccontextmanager
async def running_page_receiver(
    language: str, folder: Path, **environment: str
) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Run receiver.py or receiver.ts of a folder; `TypeScript` is checked strictly.

    Gives what reads the next line about an invoice.
    """
    command = [sys.executable, "receiver.py"]
    if language == "TypeScript":
        await _compile(folder)
        command = ["node", "receiver.js"]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None
    output = process.stdout

    async def next_line() -> str:
        while not (line := (await asyncio.wait_for(output.readline(), 100)).decode()).startswith("invoice."):
            # http.server logs each request, too.
            assert line, "the receiver has ended"
        return line

    try:
        yield next_line
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _compile(folder: Path) -> None:
    (folder / "tsconfig.json").write_text(_TSCONFIG)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    compiling = await asyncio.create_subprocess_exec(
        "node", "node_modules/typescript/bin/tsc", cwd=folder, stdout=PIPE, stderr=PIPE
    )
    printed, _ = await compiling.communicate()
    assert compiling.returncode == 0, printed.decode()
