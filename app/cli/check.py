"""Checks of the command line: of webhooks against a schema (`tellgraph check`), and of the database's revision."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

import orjson
import typer
from rich.console import Console
from rich.table import Table

from app.cli.messages import complain, explain
from app.db.migrate import check_migrated
from app.db.pool import DATABASE_ERRORS
from app.errors import DatabaseUnavailable, TellgraphError
from app.telemetry.outages import Outage
from app.webhooks.domain.broken_webhook import CheckReport
from schema.entities import global_ids

#: The exit status of a check that could not be made; 1 means that webhooks would break.
NOT_CHECKED_STATUS = 2
#: Seconds between two tries to reach PostgreSQL.
_AGAIN_S = 1.0


def check_database(database_url: str) -> None:
    """Refuse a database that is away, or that this version can't work on; see `check_migrated` for its errors."""
    asyncio.run(check_migrated(database_url))


def await_database(database_url: str) -> None:
    """Do the same, but wait while PostgreSQL can't be reached."""
    outage = Outage("serve.waiting_for_postgresql", "serve.reached_postgresql")
    while True:
        try:
            check_database(database_url)
        except DatabaseUnavailable as error:
            outage.note(error)
            time.sleep(_AGAIN_S)
        else:
            outage.end()
            return


@contextmanager
def checking() -> Iterator[None]:
    """End the command with the message of any error that prevents the check."""
    try:
        yield
    except (TellgraphError, UnicodeDecodeError, *DATABASE_ERRORS) as error:
        complain(explain(error))
        raise typer.Exit(NOT_CHECKED_STATUS) from error


def as_json(checked: CheckReport) -> str:
    """Return a JSON object with the number of `checked` webhooks and the list of `broken` ones."""
    broken = [{**asdict(one), "globalId": global_ids.encode("Webhook", one.id)} for one in checked.broken]
    return orjson.dumps({"checked": checked.count, "broken": broken}).decode()


def show(checked: CheckReport, console: Console) -> None:
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
