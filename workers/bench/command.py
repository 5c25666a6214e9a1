"""The `tellgraph bench` command."""

import signal
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from workers.bench import SECTIONS, as_json, run_bench, show

_NAMES = ", ".join(SECTIONS)


def bench(
    quick: Annotated[
        bool, typer.Option("--quick", help="Less of everything, within two minutes; coarse figures.")
    ] = False,
    only: Annotated[list[str] | None, typer.Option(help=f"One section; repeat for several: {_NAMES}.")] = None,
    json: Annotated[
        Path | None, typer.Option("--json", dir_okay=False, help="Also write the figures there, as one flat object.")
    ] = None,
) -> None:
    """Measure the cost of a delivery beside a bare POST, on private servers in a temporary directory."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _as_exit)
    figures = run_bench(only=only or (), is_quick=quick, console=Console(stderr=True, highlight=False))
    if json is not None:
        json.write_bytes(as_json(figures) + b"\n")
    show(figures, Console(highlight=False))


def _as_exit(number: int, _: object) -> None:
    """Raise the signal as an exception, so that all processes are stopped."""
    raise SystemExit(128 + number)
