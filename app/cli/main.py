"""The `tellgraph` command."""

import os
import sys
from collections import UserDict
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption
from typer.main import get_command, get_group

from app import __version__
from app.cli.messages import complain, explain
from app.cli.settings import WrongSettings
from app.errors import TellgraphError

#: The status of a command that was called wrongly, by its options or by its settings.
_USAGE_STATUS = 2

#: Where each command, or group of commands, is. Its module is read when it is called: to read all of them, with the
#: schema and both servers, takes a second.
COMMANDS = {
    "demo": "app.cli.processes.demo:demo",
    "serve": "app.cli.processes.serve:serve",
    "worker": "app.cli.processes.worker:worker",
    "migrate": "app.cli.data:migrate",
    "seed": "app.cli.data:seed",
    "listen": "app.cli.remote.listen:listen",
    "check": "app.cli.check:check",
    "trigger": "app.cli.remote.trigger:trigger",
    "doctor": "app.cli.doctor:doctor",
    "webhooks": "app.cli.webhooks.webhooks:commands",
    "events": "app.cli.webhooks.events:commands",
    "replay": "app.cli.webhooks.replays:replay",
    "resume": "app.cli.webhooks.webhooks:resume",
    "reconcile": "app.cli.webhooks.reconciles:reconcile",
    "id": "app.cli.webhooks.values:convert_id",
    "keys": "app.cli.keys.commands:commands",
    "schema": "app.cli.sdl:commands",
    "bench": "workers.bench.command:bench",
}


class _CommandsByPlace(UserDict[str, Any]):
    """Commands by name. It is given their places, and reads a command when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = self.data[name].partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            group = get_group(found)
            group.name = name
            return _without_types(group)
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        return _without_types(get_command(alone))


class _Root(TyperGroup):
    """All commands."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _CommandsByPlace(COMMANDS)


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="GraphQL API and webhooks of a multi-seller marketplace. Settings: TELLGRAPH_… (see app/docs/running.md).",
)


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


def _without_types(command: Any) -> Any:
    """Show flags without `<bool>` in --help, since they take no value. Return the command."""
    if isinstance(command, TyperCommand | TyperGroup):
        for parameter in command.get_params(typer.Context(command)):
            if isinstance(parameter, TyperOption) and parameter.is_bool_flag:
                parameter.metavar = ""
    if isinstance(command, TyperGroup) and not isinstance(command, _Root):
        for below in command.commands.values():
            _without_types(below)
    return command


def main() -> None:
    """Run the command. Ends by known errors with a message a line: status 2 for settings, else 1; 130 for Ctrl-C.

    TELLGRAPH_LOG_LEVEL=debug shows where an error of a server came from.
    """
    command = _without_types(get_command(app))
    try:
        command()
    except WrongSettings as error:
        complain(error.message)
        sys.exit(_USAGE_STATUS)
    except Exception as error:
        is_known = isinstance(error, TellgraphError)
        if not is_known and (os.environ.get("TELLGRAPH_LOG_LEVEL") == "debug" or not _is_of_server(error)):
            raise
        complain(explain(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _is_of_server(error: Exception) -> bool:
    """Tell whether an error comes from PostgreSQL or Redis, or from the way there."""
    # Read only now: most commands end well, and some need neither.
    from redis.exceptions import RedisError

    from app.db.pool import DATABASE_ERRORS

    return isinstance(error, (RedisError, *DATABASE_ERRORS))


if __name__ == "__main__":
    main()
