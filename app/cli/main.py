"""The `tellgraph` command."""

import sys
from typing import Annotated

import typer

from app import __version__
from app.cli import data, keys, running, sdl
from app.cli.servers import err
from app.cli.webhooks import events, replays, values, webhooks
from app.errors import TellgraphError
from workers.bench.command import bench

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="GraphQL API and webhooks of a multi-seller marketplace. Settings: TELLGRAPH_… (see app/docs/running.md).",
)
for command in (running.demo, running.serve, running.worker, data.migrate, data.seed, running.listen, data.check):
    app.command()(command)
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(events.commands, name="events")
for name, operator_command in (("replay", replays.replay), ("resume", webhooks.resume), ("id", values.convert_id)):
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


def main() -> None:
    """Run the command: known errors end it with their message and status 1, Ctrl-C with 130."""
    try:
        app()
    except TellgraphError as error:
        err.print(f"[red]tellgraph:[/red] {error.message}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
