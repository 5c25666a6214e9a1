"""The command `serve`."""

import signal
from typing import Annotated

import typer

from app.cli.database import await_database
from app.cli.messages import err
from app.cli.processes.memory import spare_collections
from app.cli.processes.serving import bind, serve_api
from app.cli.servers import exit_on_signal, servers, url_of
from app.cli.settings import read_settings
from app.db.migrate import migrate
from app.main import create_app
from app.settings import get_settings
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import serve_metrics


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
            migrate(url_of(settings))
            err.print(
                "PostgreSQL, Redis and one worker run inside this command: nothing else is needed.", soft_wrap=True
            )
        await_database(url_of(settings))
        api = create_app(settings, with_worker=is_embedded)
        spare_collections()
        serve_api(api, settings, sockets)
