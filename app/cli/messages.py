"""The messages of commands for the person who called them, on stderr."""

import asyncpg
from rich.console import Console
from rich.text import Text

from app.errors import TellgraphError
from app.kernel.error_reason import reason_of

err = Console(stderr=True, highlight=False)


def complain(message: str) -> None:
    """Print why a command ends. Each line of the message is a line of its own, however long."""
    for line in message.splitlines():
        err.print(Text("tellgraph: ", style="red") + Text(line, style="default"), soft_wrap=True)


def warn(message: str) -> None:
    """Print a line that does not end the command."""
    err.print(Text("tellgraph: ", style="yellow") + Text(message, style="default"), soft_wrap=True)


def explain(error: Exception) -> str:
    """Return the message of an error that is no fault of the program."""
    if isinstance(error, TellgraphError):
        return error.message
    if isinstance(error, asyncpg.LockNotAvailableError):
        return "Another transaction holds a lock on a table for too long: wait for its end, and run this again."
    source = "PostgreSQL: " if isinstance(error, asyncpg.PostgresError) else ""
    return f"{source}{reason_of(error)}."
