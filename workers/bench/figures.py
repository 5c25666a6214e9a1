"""The measured figures: a flat list of named numbers, shown as a table or as JSON."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured number. `counts` says what it measures: the processes, CPU or wall time, and the unit of work."""

    key: str
    value: float
    unit: str
    counts: str


def as_json(figures: Sequence[Figure]) -> bytes:
    """Return the figures as one flat JSON object of numbers by key."""
    return orjson.dumps({one.key: round(one.value, 4) for one in figures}, option=orjson.OPT_INDENT_2)


def show(figures: Sequence[Figure], console: Console) -> None:
    table = Table("figure", "value", "unit", "what it counts")
    table.columns[1].justify = "right"
    for one in figures:
        table.add_row(one.key, _shown(one.value), one.unit, one.counts)
    console.print(table)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def median_of(rounds: Sequence[Mapping[str, float]], name: str) -> float:
    """Return the median of the rounds. Other work of the machine disturbs single rounds."""
    return statistics.median(one[name] for one in rounds)
