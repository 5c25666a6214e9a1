"""Run `tellgraph seed`: seed, show the progress, and print what was written."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from databases import Database
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from app.db.pool import create_database
from app.errors import InvalidInput
from app.kernel import clock
from app.tools.seed.large.catalogue import count_shops
from app.tools.seed.large.scale import Scale, seed_at_scale
from app.tools.seed.small import seed_marketplace


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedRequest:
    """The options of `tellgraph seed`.

    Attributes:
        scale: Number of invoices; None: the small marketplace.
        until: The end of the year of orders; None: today.
        is_quiet: See `seed_at_scale`.
    """

    seed: int
    again: bool
    scale: int | None
    until: datetime | None
    is_quiet: bool


async def run_seed(database_url: str, asked: SeedRequest, console: Console) -> str:
    """Seed, and return a sentence about the written rows. Raise InvalidInput, or Conflict if there are sellers."""
    async with create_database(database_url, pool_size=2) as database:
        if asked.scale is not None:
            until = (asked.until or clock.now()).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
            scale = Scale(invoices=asked.scale, until=until, seed=asked.seed)
            return _sentence(await _seed_large(database, asked, scale, console))
        if asked.until is not None or asked.is_quiet:
            raise InvalidInput("--until and --quiet-history are for --scale.")
        return _sentence(asdict(await seed_marketplace(database, seed=asked.seed, again=asked.again)))


async def _seed_large(database: Database, asked: SeedRequest, scale: Scale, console: Console) -> Counter[str]:
    """Seed at scale. If it is cancelled, print how far it came."""
    written: Counter[str] = Counter()
    try:
        with _Bars(console, scale) as bars:
            async for written in seed_at_scale(database, scale, again=asked.again, is_quiet=asked.is_quiet):
                bars.show(written)
    except asyncio.CancelledError:
        console.print(
            f"Interrupted: {written['sellers']} sellers and {written['invoices']} of {scale.invoices} invoices are"
            " written and stay; what was under way is rolled back. Another run adds to them with --again.",
            soft_wrap=True,
        )
        raise
    return written


def _sentence(written: Mapping[str, int]) -> str:
    return (
        "Seeded {sellers} sellers, {adverts} adverts with {variants} variants,"
        " {orders} orders with {invoices} invoices, {shipments} shipments, {refund_requests} refund requests."
    ).format_map(written)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class _Bars(Progress):
    """Progress bars: one for sellers with their goods, one for invoices with their orders."""

    def __init__(self, console: Console, scale: Scale) -> None:
        counted = TextColumn("{task.completed:,.0f} of {task.total:,.0f}")
        columns = (TextColumn("{task.description:>8}"), BarColumn(), counted, _Rate(), TimeRemainingColumn())
        super().__init__(*columns, console=console)
        self._tasks_of: dict[str, TaskID] = {
            "sellers": self.add_task("sellers", total=count_shops(scale.invoices)),
            "invoices": self.add_task("invoices", total=scale.invoices, start=False),
        }

    def show(self, written: Counter[str]) -> None:
        for table, task in self._tasks_of.items():
            if written[table]:
                self.start_task(task)
            self.update(task, completed=written[table])
