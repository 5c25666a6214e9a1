"""The `tellgraph` command."""

import os
import sys
from typing import Annotated

import typer
from redis.exceptions import RedisError
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from app import __version__
from app.cli import data, doctor, sdl
from app.cli.keys import commands as keys
from app.cli.messages import complain, explain
from app.cli.processes import running
from app.cli.remote.listen import listen
from app.cli.remote.trigger import trigger
from app.cli.settings import WrongSettings
from app.cli.webhooks import events, reconciles, replays, subscriptions, values, webhooks
from app.db.pool import DATABASE_ERRORS
from app.errors import TellgraphError
from workers.bench.command import bench

#: The status of a command that was called wrongly, by its options or by its settings.
_USAGE_STATUS = 2

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="GraphQL API and webhooks of a multi-seller marketplace. Settings: TELLGRAPH_… (see app/docs/running.md).",
)
for command in (running.demo, running.serve, running.worker, data.migrate, data.seed, listen, data.check):
    app.command()(command)
app.command()(trigger)
app.command()(doctor.doctor)
for code_command in (subscriptions.pull, subscriptions.plan, subscriptions.apply, subscriptions.types):
    webhooks.commands.command()(code_command)
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(events.commands, name="events")
for name, operator_command in (
    ("replay", replays.replay),
    ("resume", webhooks.resume),
    ("reconcile", reconciles.reconcile),
    ("id", values.convert_id),
):
    app.command(name)(operator_command)
app.add_typer(keys.commands, name="keys")
app.add_typer(sdl.commands, name="schema")
app.command()(bench)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"tellgraph {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of all commands."""


def _without_types(command: object) -> None:
    """Show flags without `<bool>` in --help: they take no value."""
    if isinstance(command, TyperCommand | TyperGroup):
        for parameter in command.get_params(typer.Context(command)):
            if isinstance(parameter, TyperOption) and parameter.is_bool_flag:
                parameter.metavar = ""
    if isinstance(command, TyperGroup):
        for below in command.commands.values():
            _without_types(below)


def main() -> None:
    """Run the command. Ends by known errors with a message a line: status 2 for settings, else 1; 130 for Ctrl-C.

    TELLGRAPH_LOG_LEVEL=debug shows where an error of a server came from.
    """
    command = get_command(app)
    _without_types(command)
    try:
        command()
    except WrongSettings as error:
        complain(error.message)
        sys.exit(_USAGE_STATUS)
    except (TellgraphError, RedisError, *DATABASE_ERRORS) as error:
        if not isinstance(error, TellgraphError) and os.environ.get("TELLGRAPH_LOG_LEVEL") == "debug":
            raise
        complain(explain(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
