"""The command `worker`."""

from app.cli.processes.memory import spare_collections
from app.cli.servers import run, servers, url_of
from app.cli.settings import read_settings
from app.db.migrate import migrate
from app.settings import get_settings
from app.telemetry.logs import configure_logging
from app.telemetry.metrics import serve_metrics
from workers.process import run_worker


def worker() -> None:
    """Publish change events and deliver webhook events, until SIGTERM or Ctrl-C."""
    settings = read_settings()
    configure_logging(settings)
    serve_metrics(settings)
    with servers(settings) as settings:
        if get_settings().database_url is None:
            migrate(url_of(settings))
        spare_collections()
        run(run_worker(settings))
