"""The command `demo`."""

import signal
from contextlib import ExitStack
from typing import Annotated

import typer
from rich.console import Console

from app.cli.servers import exit_on_signal, servers, url_of
from app.cli.settings import read_settings
from app.db.migrate import migrate
from app.tools.demo import Steps, claimed_directory, run_demo


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
            migrate(url_of(settings))
        run_demo(settings, steps=steps, once=once, port=port)
