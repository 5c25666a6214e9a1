"""Run `tellgraph listen --remote` as a process, with nothing but a URL and a key."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.forked_commands import ForkedProcess, fork_command
from tests.support.waiting import COMMAND_DEADLINE_S, until

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId } } }"


@dataclass(slots=True)
class RunningListener:
    """The command while it runs."""

    process: ForkedProcess
    out: Path
    err: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines that were printed with --json."""
        text = self.out.read_text()
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    async def told(self, text: str, count: int = 1) -> None:
        """Wait until its progress has this text so often."""

        async def look() -> bool:
            assert self.process.poll() is None or self.err.read_text().count(text) >= count, self.err.read_text()
            return self.err.read_text().count(text) >= count

        await until(look)

    async def printed(self, text: str) -> None:
        """Wait until it has printed this."""

        async def look() -> bool:
            assert self.process.poll() is None or text in self.out.read_text(), self.err.read_text()
            return text in self.out.read_text()

        await until(look)

    async def ended(self) -> int:
        """Wait for its end, and return its exit code."""
        code = await asyncio.to_thread(self.process.wait, COMMAND_DEADLINE_S)
        assert code is not None, self.err.read_text()
        return code

    async def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return await self.ended()


def environment(key: str, folder: Path, **variables: str) -> dict[str, str]:
    """No database, no Redis and no secret key: the settings' folder is one that must stay empty."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TELLGRAPH_")}
    return {**kept, "COLUMNS": "200", "TELLGRAPH_KEY": key, "TELLGRAPH_DATA_DIR": str(folder / "data"), **variables}


@asynccontextmanager
async def listening(url: str, key: str, folder: Path, *arguments: object) -> AsyncIterator[RunningListener]:
    """`tellgraph listen --remote`; it is killed at the end if it still runs."""
    given = ["listen", "--remote", url, *map(str, arguments)]
    out, err = folder / "out", folder / "err"
    for file in (out, err):
        file.write_text("")
    process = await asyncio.to_thread(fork_command, given, environment(key, folder), out=out, err=err)
    try:
        yield RunningListener(process, out, err)
    finally:
        process.kill()
        await asyncio.to_thread(process.wait)
    assert not (folder / "data").exists()
