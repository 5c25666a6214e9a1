"""Commands that fill the database and end: `migrate`, `seed`."""

from datetime import datetime
from typing import Annotated

import typer

from app.cli.database import check_database
from app.cli.servers import err, run, servers, url_of
from app.db.migrate import migrate as run_migrations
from app.settings import get_settings
from app.tools.seed.command import SeedRequest, run_seed


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
