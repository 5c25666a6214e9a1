"""The options and exit codes of commands that speak to an installation elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from app.cli.messages import complain, err
from app.tools.remote.errors import RemoteError, WrongRequest

Remote = Annotated[
    str | None, typer.Option(metavar="URL", help="URL of an installation elsewhere, as in https://shop.example.com.")
]
Key = Annotated[
    str | None,
    typer.Option(envvar="TELLGRAPH_KEY", show_envvar=False, help="API key for --remote; absent: TELLGRAPH_KEY."),
]


def needed_key(key: str | None) -> str:
    """Return the API key. Raise WrongRequest without one."""
    if not key:
        raise WrongRequest("The API key is missing: set TELLGRAPH_KEY, or give --key. The operator makes keys.")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise WrongRequest("The API key is none: it has characters that no key has.")
    return key


def say(line: str) -> None:
    """Print one line of progress on stderr."""
    err.print(line, markup=False, soft_wrap=True)


@contextmanager
def exit_codes() -> Iterator[None]:
    """End the command with the message and the exit code of a failure at the other installation."""
    try:
        yield
    except RemoteError as error:
        complain(error.message)
        raise typer.Exit(error.exit_code) from error


def words(values: list[str] | None) -> list[str] | None:
    """Return the words of an option that can be repeated and takes several, separated by commas; None without it."""
    if values is None:
        return None
    return [word for value in values for word in value.replace(",", " ").split()]


def text_of(name: str) -> str:
    """Return the text of a file; `-` is the standard input. Raises BadParameter."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise typer.BadParameter(f"{name} can't be read: {reason}.") from error
