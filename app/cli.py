"""The `tellgraph` command."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
import uvicorn
import uvloop
from rich.console import Console

from app import __version__
from app.auth import Scope, create_key
from app.db.migrate import migrate as run_migrations
from app.db.pool import create_database, transaction
from app.db.sellers import SellerId
from app.embedded import embedded_servers
from app.errors import TellgraphError
from app.main import create_app
from app.settings import Settings, get_settings
from app.telemetry import configure_logging
from schema import schema
from workers.process import run_worker

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="GraphQL API and webhooks of a multi-seller marketplace. Settings: TELLGRAPH_… (see the README's table).",
)
keys = typer.Typer(no_args_is_help=True, help="API keys of the operator and of sellers.")
sdl = typer.Typer(no_args_is_help=True, help="The GraphQL schema.")
app.add_typer(keys, name="keys")
app.add_typer(sdl, name="schema")
_err = Console(stderr=True, highlight=False)


@app.command()
def serve() -> None:
    """Serve the API; without TELLGRAPH_DATABASE_URL also private servers and one worker."""
    with _servers() as settings:
        is_embedded = get_settings().database_url is None
        if is_embedded:
            run_migrations(_database_url(settings))
            _err.print("PostgreSQL, Redis and one worker run inside this command: nothing else is needed.")
        configure_logging(settings)
        uvicorn.run(
            create_app(settings, with_worker=is_embedded),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
        )


@app.command()
def worker() -> None:
    """Publish change events and deliver webhook events, until SIGTERM or Ctrl-C."""
    with _servers() as settings:
        configure_logging(settings)
        _run(run_worker(settings))


@app.command()
def migrate() -> None:
    """Bring the database to this version: tables, then the triggers that capture changes."""
    with _servers() as settings:
        run_migrations(_database_url(settings))
        _err.print("The database is up to date.")


@keys.command("create")
def keys_create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    seller: Annotated[int | None, typer.Option(help="Number of the seller; absent: the operator's key.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="Repeat for several; absent: all of them.")] = None,
) -> None:
    """Make an API key and print it: this is the only time that it can be read."""

    async def make(settings: Settings) -> str:
        async with create_database(_database_url(settings), pool_size=2) as database, transaction(database) as conn:
            return await create_key(
                conn,
                name=name,
                seller_id=None if seller is None else SellerId(seller),
                scopes=scope or tuple(Scope),
            )

    with _servers() as settings:
        typer.echo(_run(make(settings)))


@sdl.command("print")
def schema_print() -> None:
    """Write the schema as SDL to standard output."""
    typer.echo(schema.as_str())


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
    """Options of every command."""


@contextmanager
def _servers() -> Iterator[Settings]:
    """The settings; where they name no servers, with the embedded ones of this directory, which then run."""
    settings = get_settings()
    if (settings.database_url is None) != (settings.redis_url is None):
        raise typer.BadParameter("set both TELLGRAPH_DATABASE_URL and TELLGRAPH_REDIS_URL, or neither")
    if settings.database_url is not None:
        yield settings
        return
    signal.signal(signal.SIGTERM, _as_exit)
    with embedded_servers(settings.data_dir, say=_err.print) as servers:
        yield settings.model_copy(
            update={
                "database_url": servers.database_url,
                "redis_url": servers.redis_url,
                "secret_key": settings.secret_key or servers.secret_key,
            }
        )


def _as_exit(number: int, _: Any) -> None:
    """SIGTERM ends the command as an exception would, so that what it started is stopped."""
    raise SystemExit(128 + number)


def _database_url(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


def _run(coroutine: Any) -> Any:
    return uvloop.run(coroutine)


def main() -> None:
    """Entry point: known errors end with their message and status 1, Ctrl-C with 130."""
    try:
        app()
    except TellgraphError as error:
        _err.print(f"[red]tellgraph:[/red] {error.message}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
