"""Run `tellgraph` commands on the database of a test."""

import asyncio
import json
import os
from dataclasses import dataclass
from typing import Any

from tests.support.forked_commands import run_command
from tests.support.platform import SECRET_KEY


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[list[str]]:
        """The lines of a table, each as the words between two or more spaces; the headings first."""
        return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in self.out.splitlines()]

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines as JSON objects."""
        return [json.loads(line) for line in self.out.splitlines()]


async def tellgraph(database_url: str, *arguments: object, given: str = "", **settings: str) -> CommandResult:
    """Run a command and wait for its end.

    Args:
        given: What is written to its standard input.
        settings: Further variables, without `TELLGRAPH_`.
    """
    servers = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:9/0", "SECRET_KEY": SECRET_KEY}
    variables = {**servers, **settings}
    environment = {**os.environ, "COLUMNS": "200"}
    environment |= {f"TELLGRAPH_{name.upper()}": value for name, value in variables.items()}
    done = await asyncio.to_thread(run_command, [*map(str, arguments)], environment, given=given)
    return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr)
