"""The command `check`: webhooks against a schema, those of the database or of a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from app.cli.database import check_database
from app.cli.messages import complain, explain
from app.cli.servers import run, servers, url_of
from app.cli.webhooks.folder_check import check_folder, show_folder
from app.db.pool import DATABASE_ERRORS, connection, create_database
from app.errors import TellgraphError
from app.settings import Settings
from app.webhooks.domain.broken_webhook import CheckReport
from schema import schema
from schema.entities import global_ids
from schema.stored.check import check_all, schema_of

#: The exit status of a check that could not be made; 1 means that webhooks would break.
NOT_CHECKED_STATUS = 2


def check(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", file_okay=False, help="A folder of subscriptions; absent: the database's."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="SDL of the schema to check against; absent: this version's."),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check every webhook's query, triggers and filter against a schema: those of the database, or of a folder.

    Status 1 when any webhook would break, 2 when it could not be checked.
    """

    async def look(settings: Settings) -> CheckReport:
        async with create_database(url_of(settings), pool_size=1) as database, connection(database) as conn:
            return await check_all(conn, wanted)

    with _checking():
        wanted = schema._schema if against is None else schema_of(against.read_text("utf-8"))
        if folder is not None:
            show_folder(check_folder(wanted, folder), is_json=is_json)
            return
        with servers() as settings:
            check_database(url_of(settings))
            checked: CheckReport = run(look(settings))
    if is_json:
        typer.echo(_as_json(checked))
    else:
        _show(checked, Console(highlight=False))
    if checked.broken:
        raise typer.Exit(1)


@contextmanager
def _checking() -> Iterator[None]:
    """End the command with the message of any error that prevents the check."""
    try:
        yield
    except (TellgraphError, UnicodeDecodeError, *DATABASE_ERRORS) as error:
        complain(explain(error))
        raise typer.Exit(NOT_CHECKED_STATUS) from error


def _as_json(checked: CheckReport) -> str:
    """Return a JSON object with the number of `checked` webhooks and the list of `broken` ones."""
    broken = [{**asdict(one), "globalId": global_ids.encode("Webhook", one.id)} for one in checked.broken]
    return orjson.dumps({"checked": checked.count, "broken": broken}).decode()


def _show(checked: CheckReport, console: Console) -> None:
    """Print a table of the webhooks that would break, and their number."""
    if checked.broken:
        table = Table("webhook", "id", "type", "owner", "enabled", "description", "what doesn't fit")
        for one in checked.broken:
            owner = "operator" if one.seller is None else f"seller {one.seller}"
            enabled = "yes" if one.enabled else "no"
            global_id = global_ids.encode("Webhook", one.id)
            table.add_row(str(one.id), global_id, one.type, owner, enabled, one.description or "", one.message)
        console.print(table, markup=False)
    console.print(f"{len(checked.broken)} of {checked.count} webhooks would break.")
