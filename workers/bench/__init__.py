"""`tellgraph bench` measures the cost of a delivery beside that of a bare POST on the same machine.

Absolute times depend on the machine, ratios hardly do. Everything runs on private servers in a temporary directory.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import uvloop
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from app.settings import Settings
from app.telemetry.logs import configure_logging
from workers.bench.environment.lab import FULL, QUICK, Lab, running_lab
from workers.bench.environment.processes import check_measurable, read_words
from workers.bench.feed import measure_feed
from workers.bench.figures import Figure, as_json, show
from workers.bench.growth import measure_growth, measure_unwatched
from workers.bench.idle_streams import measure_idle_streams
from workers.bench.mutations import measure_mutations
from workers.bench.reading import measure_api
from workers.bench.rendering import measure_plan, measure_statements
from workers.bench.scale import measure_scale
from workers.bench.sending import measure_fanout, measure_latency, measure_memory, measure_pipeline
from workers.bench.sessions import measure_sessions
from workers.bench.stream import measure_stream

__all__ = ["SECTIONS", "Figure", "as_json", "run_bench", "show"]

SECTIONS: Mapping[str, Callable[[Lab], Awaitable[list[Figure]]]] = {
    "pipeline": measure_pipeline,
    "stream": measure_stream,
    "feed": measure_feed,
    "scale": measure_scale,
    "fanout": measure_fanout,
    "latency": measure_latency,
    "plan": measure_plan,
    "statements": measure_statements,
    "growth": measure_growth,
    "unwatched": measure_unwatched,
    "sessions": measure_sessions,
    "memory": measure_memory,
    "api": measure_api,
    "mutations": measure_mutations,
    "idle_streams": measure_idle_streams,
}


def run_bench(*, only: Sequence[str] = (), is_quick: bool = False, console: Console) -> list[Figure]:
    """Measure the named sections, or all if none is named. All processes are stopped in any case.

    Args:
        only: Names of sections; none: all of them.
        is_quick: Whether small numbers are enough, to see that everything works.
        console: Shows the progress.

    Raises:
        TellgraphError: This machine does not report CPU time, or there is no section of that name.
    """
    names = read_words(only, list(SECTIONS))
    check_measurable()
    # This process's own log lines would disturb the progress display. The worker logs as in production.
    configure_logging(Settings(log_level="warning"))
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    # The display is drawn twice a second only, because drawing takes CPU time on the measured machine.
    with Progress(*columns, console=console, refresh_per_second=2) as progress:
        task = progress.add_task("servers and a marketplace")
        with running_lab(QUICK if is_quick else FULL, say=lambda _: None) as lab:
            progress.update(task, completed=100)
            try:
                return uvloop.run(_measure(lab, names, progress))
            except Exception:
                # The log goes with the server, and may have the reason.
                progress.console.print(lab.postgres.last_lines(), markup=False)
                raise


async def _measure(lab: Lab, names: Sequence[str], progress: Progress) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        task = progress.add_task(name, total=1)
        figures += await SECTIONS[name](lab)
        progress.advance(task)
    return figures
