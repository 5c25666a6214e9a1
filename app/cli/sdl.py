"""`tellgraph schema …`: the GraphQL schema."""

import typer

from schema import schema

commands = typer.Typer(no_args_is_help=True, help="The GraphQL schema.")


@commands.command("print")
def print_sdl() -> None:
    """Write the schema as SDL to standard output."""
    typer.echo(schema.as_str())


@commands.callback()
def _group() -> None:
    """Commands of the schema."""
