"""Print the demo's progress."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from app.errors import TellgraphError


class DemoError(TellgraphError):
    """The demo can't go on. The message says why, and where the log is."""

    code = "DEMO"


class Steps:
    """Prints a line for each step: a tick and the seconds when it is done, a cross when it has failed."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def say(self, line: str) -> None:
        """Print a remark about a step."""
        self.console.print(Text(f"  {line}", style="dim"), soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        started = time.monotonic()
        mark, style = "✗", "red"
        try:
            with self.console.status(title):
                yield
            mark, style = "✓", "green"
        # A step that was interrupted has not failed.
        except (KeyboardInterrupt, SystemExit):
            mark, style = "–", "dim"
            raise
        finally:
            seconds = time.monotonic() - started
            self.console.print(Text.assemble((mark, style), f" {title} ", (f"{seconds:.1f} s", "dim")))
