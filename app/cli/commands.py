"""The `tellgraph` command."""

import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
import uvicorn
import uvloop
from rich.console import Console
from rich.progress import Progress

from app import __version__
from app.auth.secret_key import count_secrets, rotate_secret_key
from app.auth.secrets import box_of
from app.auth.viewers import Scope, create_key
from app.cli.check import as_json, check_database, checking
from app.cli.check import show as show_checked
from app.cli.memory import spare_collections
from app.db.migrate import migrate as run_migrations
from app.db.pool import connection, create_database, transaction
from app.errors import TellgraphError
from app.kernel import clock
from app.main import create_app
from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings, get_settings
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import serve_metrics
from app.tools.demo import Steps, claimed_directory, run_demo
from app.tools.embedded import embedded_servers
from app.tools.listen import VerifyingKeys, running_receiver, show, verifying_keys
from app.tools.seed.command import Asked, run_seed
from app.webhooks.domain.broken_webhook import Checked
from schema import schema
from schema.stored.check import check_all, schema_of
from workers.bench.command import bench
from workers.deliver import signing
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
app.command()(bench)
_err = Console(stderr=True, highlight=False)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the first verified delivery.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the API; absent: TELLGRAPH_PORT, or a free one.")
    ] = None,
) -> None:
    """Show it at work: servers, API, worker and receiver; a webhook, an order, a shipment, the POST that arrives."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_exit)
    steps = Steps(Console(highlight=False))
    with ExitStack() as stack:
        stack.enter_context(claimed_directory(get_settings().data_dir))
        with steps.step("PostgreSQL and Redis"):
            settings = stack.enter_context(_servers(say=steps.say))
        with steps.step("tables and triggers"):
            run_migrations(_database_url(settings))
        run_demo(settings, steps=steps, verify=_signature_problem, once=once, port=port)


@app.command()
def serve() -> None:
    """Serve the API; without TELLGRAPH_DATABASE_URL also private servers and one worker."""
    with _servers() as settings:
        is_embedded = get_settings().database_url is None
        if is_embedded:
            run_migrations(_database_url(settings))
            _err.print("PostgreSQL, Redis and one worker run inside this command: nothing else is needed.")
        configure_logging(settings)
        check_database(_database_url(settings), _err)
        serve_metrics(settings)
        api = create_app(settings, with_worker=is_embedded)
        spare_collections()
        uvicorn.run(api, host=settings.host, port=settings.port, log_config=None, access_log=False)


@app.command()
def worker() -> None:
    """Publish change events and deliver webhook events, until SIGTERM or Ctrl-C."""
    with _servers() as settings:
        configure_logging(settings)
        check_database(_database_url(settings), _err)
        serve_metrics(settings)
        spare_collections()
        _run(run_worker(settings))


@app.command()
def migrate() -> None:
    """Bring the database to this version: tables, then the triggers that capture changes."""
    with _servers() as settings:
        run_migrations(_database_url(settings))
        _err.print("The database is up to date.")


@app.command()
def seed(
    number: Annotated[int, typer.Option("--seed", help="Another number gives another marketplace.")] = 1,
    again: Annotated[bool, typer.Option("--again", help="Also beside sellers that are there already.")] = False,
    scale: Annotated[int | None, typer.Option(min=1, help="So many invoices, over a year; absent: a few.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="That year's end; today.")] = None,
    is_quiet: Annotated[bool, typer.Option("--quiet-history", help="No webhook is told of what is seeded.")] = False,
) -> None:
    """Fill an empty database with a marketplace: a small one, or a year's trade of about `--scale` invoices."""
    asked = Asked(seed=number, again=again, scale=scale, until=until, is_quiet=is_quiet)
    with _servers() as settings:
        if get_settings().database_url is None:
            run_migrations(_database_url(settings))
        check_database(_database_url(settings), _err)
        typer.echo(_run(run_seed(_database_url(settings), asked, _err)))


@app.command()
def listen(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 picks a free one.")] = 0,
    secret: Annotated[
        list[str] | None,
        typer.Option(envvar="TELLGRAPH_LISTEN_SECRET", help="whsec_… or whpk_…, repeatable; absent: no check."),
    ] = None,
    status: Annotated[int, typer.Option(min=200, max=599, help="What every POST is answered with.")] = 200,
    path: Annotated[str, typer.Option(help="Path of the endpoint.")] = "/",
) -> None:
    """Receive webhooks on this machine and print them."""
    console = Console(highlight=False)
    checked_by, path = verifying_keys(secret or ()), f"/{path.lstrip('/')}"
    receiver = running_receiver(keys=checked_by, verify=_signature_problem, port=port, path=path, status=status)
    with receiver as (url, arrived):
        console.print(f"listening on {url}, answering {status}", markup=False, soft_wrap=True)
        _err.print("Webhooks reach this machine only where the worker has TELLGRAPH_EGRESS_ALLOW=127.0.0.0/8.")
        while True:
            show(arrived.get(), console)


def _signature_problem(keys: VerifyingKeys, headers: Mapping[str, str], body: bytes) -> str | None:
    try:
        signing.verify(keys.shared, headers, body, now=int(clock.now().timestamp()), public_keys=keys.public)
    except signing.BadSignature as error:
        return str(error)
    return None


@app.command()
def check(
    against: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="SDL of the schema to check against; absent: this version's."),
    ] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Check every webhook's query, triggers and filter against a schema.

    Status 1 when any webhook would break, 2 when it could not be checked.
    """

    async def look(settings: Settings) -> Checked:
        async with create_database(_database_url(settings), pool_size=1) as database, connection(database) as conn:
            return await check_all(conn, wanted)

    with checking(_err):
        wanted = schema._schema if against is None else schema_of(against.read_text("utf-8"))
        with _servers() as settings:
            checked: Checked = _run(look(settings))
    if is_json:
        typer.echo(as_json(checked))
    else:
        show_checked(checked, Console(highlight=False))
    if checked.broken:
        raise typer.Exit(1)


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
        check_database(_database_url(settings), _err)
        typer.echo(_run(make(settings)))


@keys.command("rotate-secrets")
def keys_rotate_secrets() -> None:
    """Encrypt all stored secrets under TELLGRAPH_SECRET_KEY that are under a key of TELLGRAPH_SECRET_KEY_PREVIOUS.

    Safe while API and workers run with both keys, and to be run again when it was stopped.
    """

    async def rotate(settings: Settings) -> tuple[int, int]:
        box, changed, unreadable = box_of(settings), 0, 0
        async with create_database(_database_url(settings), pool_size=2) as database:
            with Progress(console=_err) as progress:
                task = progress.add_task("Stored secrets", total=await count_secrets(database))
                async for batch in rotate_secret_key(database, box):
                    progress.advance(task, batch.looked_at)
                    changed, unreadable = changed + batch.changed, unreadable + batch.unreadable
        return changed, unreadable

    with _servers() as settings:
        check_database(_database_url(settings), _err)
        changed, unreadable = _run(rotate(settings))
    typer.echo(f"{changed} values are now encrypted under TELLGRAPH_SECRET_KEY.")
    if unreadable:
        raise TellgraphError(f"{unreadable} values could not be read under any of the keys, and were left as they are.")


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
def _servers(say: Callable[[str], None] = _err.print) -> Iterator[Settings]:
    """The settings; where they name no servers, with the embedded ones of this directory, which then run."""
    settings = get_settings()
    if (settings.database_url is None) != (settings.redis_url is None):
        raise typer.BadParameter("set both TELLGRAPH_DATABASE_URL and TELLGRAPH_REDIS_URL, or neither")
    if settings.database_url is not None:
        yield settings
        return
    signal.signal(signal.SIGTERM, _as_exit)
    with embedded_servers(settings.data_dir, say=say) as servers:
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


if __name__ == "__main__":
    main()
