"""Commands that run until they are stopped: `demo`, `serve`, `worker`."""

import signal
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from app.cli.check import await_database
from app.cli.processes.memory import spare_collections
from app.cli.processes.serving import bind, serve_api
from app.cli.servers import err, exit_on_signal, run, servers, url_of
from app.cli.settings import read_settings
from app.db.migrate import migrate as run_migrations
from app.main import create_app
from app.settings import get_settings
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import serve_metrics
from app.tools.demo import Steps, claimed_directory, run_demo
from workers.process import run_worker


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the first verified delivery.")] = False,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the API; absent: TELLGRAPH_PORT, or a free one.")
    ] = None,
) -> None:
    """Show it at work: servers, API, worker and receiver; a webhook, an order, a shipment, the POST that arrives."""
    settings = read_settings()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, exit_on_signal)
    steps = Steps(Console(highlight=False))
    with ExitStack() as stack:
        stack.enter_context(claimed_directory(settings.data_dir))
        with steps.step("PostgreSQL and Redis"):
            settings = stack.enter_context(servers(settings, say=steps.say))
        with steps.step("tables and triggers"):
            run_migrations(url_of(settings))
        run_demo(settings, steps=steps, once=once, port=port)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; absent: TELLGRAPH_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: a free one; absent: TELLGRAPH_PORT.")
    ] = None,
) -> None:
    """Serve the API; without TELLGRAPH_DATABASE_URL also private servers and one worker."""
    asked = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = read_settings().model_copy(update=asked)
    signal.signal(signal.SIGTERM, exit_on_signal)
    configure_logging(settings)
    # Before anything starts: a port that is in use is told at once.
    sockets = bind(settings.host, settings.port)
    serve_metrics(settings)
    with servers(settings) as settings:
        is_embedded = get_settings().database_url is None
        if is_embedded:
            run_migrations(url_of(settings))
            err.print(
                "PostgreSQL, Redis and one worker run inside this command: nothing else is needed.", soft_wrap=True
            )
        await_database(url_of(settings))
        api = create_app(settings, with_worker=is_embedded)
        spare_collections()
        serve_api(api, settings, sockets)


def worker() -> None:
    """Publish change events and deliver webhook events, until SIGTERM or Ctrl-C."""
    settings = read_settings()
    configure_logging(settings)
    serve_metrics(settings)
    with servers(settings) as settings:
        if get_settings().database_url is None:
            run_migrations(url_of(settings))
        spare_collections()
        run(run_worker(settings))
