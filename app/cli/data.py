"""Commands that work on the database and end: `migrate`, `seed`, `check`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from app.cli.check import as_json, check_database, checking
from app.cli.check import show as show_checked
from app.cli.servers import err, run, servers, url_of
from app.cli.webhooks.folder_check import check_folder, show_folder
from app.db.migrate import migrate as run_migrations
from app.db.pool import connection, create_database
from app.settings import Settings, get_settings
from app.tools.seed.command import SeedRequest, run_seed
from app.webhooks.domain.broken_webhook import CheckReport
from schema import schema
from schema.stored.check import check_all, schema_of


def migrate() -> None:
    """Bring the database to this version: tables, then the triggers that capture changes."""
    with servers() as settings:
        run_migrations(url_of(settings))
        err.print("The database is up to date.")


def seed(
    number: Annotated[int, typer.Option("--seed", help="Another number gives another marketplace.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Also beside sellers that are there already.")] = False,
    scale: Annotated[int | None, typer.Option(min=1, help="So many invoices, over a year; absent: a few.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="That year's end; today.")] = None,
    is_quiet: Annotated[bool, typer.Option("--quiet-history", help="No webhook is told of what is seeded.")] = False,
) -> None:
    """Fill an empty database with a marketplace: a small one, or a year's trade of about `--scale` invoices."""
    asked = SeedRequest(seed=number, again=again, scale=scale, until=until, is_quiet=is_quiet)
    with servers() as settings:
        if get_settings().database_url is None:
            run_migrations(url_of(settings))
        check_database(url_of(settings))
        typer.echo(run(run_seed(url_of(settings), asked, err)))


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

    with checking():
        wanted = schema._schema if against is None else schema_of(against.read_text("utf-8"))
        if folder is not None:
            show_folder(check_folder(wanted, folder), is_json=is_json)
            return
        with servers() as settings:
            check_database(url_of(settings))
            checked: CheckReport = run(look(settings))
    if is_json:
        typer.echo(as_json(checked))
    else:
        show_checked(checked, Console(highlight=False))
    if checked.broken:
        raise typer.Exit(1)
