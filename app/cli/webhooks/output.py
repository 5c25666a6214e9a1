"""Print lists as tables for people or as JSON lines for programs."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.cli.servers import err
from app.kernel.parsed_json import ParsedJson

#: Columns of a table that goes into a file or a pipe, so that no cell is wrapped.
_WIDTH_OF_FILES = 1_000


def console() -> Console:
    """Return a console for standard output. A file or a pipe gets lines that are not wrapped."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)


def plain(value: object) -> Text:
    """Return a value as text of one line. Others wrote it, so control characters must not reach the terminal."""
    text = "" if value is None else str(value)
    return Text(
        "".join(one if one.isprintable() else " " if one.isspace() else "\N{REPLACEMENT CHARACTER}" for one in text)
    )


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table without lines; nothing without rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(plain, row))
    if table.row_count:
        console().print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print a name and a value a line, without those that are None."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value is not None:
            table.add_row(name, plain(value))
    console().print(table)


def print_json(nodes: Iterable[Mapping[str, ParsedJson]]) -> None:
    """Print one JSON object a line."""
    for node in nodes:
        typer.echo(orjson.dumps(node))


def print_found(
    what: str,
    nodes: Sequence[Mapping[str, ParsedJson]],
    headings: Sequence[str],
    row: Callable[[Mapping[str, ParsedJson]], Sequence[object]],
    *,
    is_json: bool,
    limit: int,
    has_more: bool,
) -> None:
    """Print a list as a table or as JSON, and say on stderr if it is empty, or cut at `limit`.

    Args:
        what: The kind of the objects, as in `webhook`.
        row: Returns the cells of an object, in the order of the headings.
    """
    if is_json:
        print_json(nodes)
    else:
        print_table(headings, map(row, nodes))
    if not nodes:
        err.print(f"There is no such {what}.")
    if has_more:
        err.print(f"There are more than {limit}: --limit shows more of them.")


def shown_time(at: str | None) -> str | None:
    """Return a time of the API to the second, in UTC."""
    return None if at is None else at[:19].replace("T", " ")
