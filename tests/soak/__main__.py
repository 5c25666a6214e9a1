"""`make soak MINUTES=60`: run load and faults for so long, and end with a table. Exit status 1: something was lost."""

import argparse
import asyncio
import sys

from tests.soak.run import Soak, running_soak
from tests.support.made_once import place_for_all
from tests.support.servers import PrivateServers, private_servers_running

_TOLD_EVERY_S = 30.0


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long the load lasts (10)")
    parser.add_argument("--rate", type=float, default=50, help="changes per second, each in its own transaction (50)")
    parser.add_argument("--fault-every", type=float, default=20, metavar="S", help="seconds between two faults (20)")
    parser.add_argument("--seed", type=int, default=1, help="of the faults and changes (1)")
    given = parser.parse_args()
    with place_for_all(), private_servers_running() as servers:
        status = asyncio.run(_run(given, servers))
    sys.exit(status)


async def _run(given: argparse.Namespace, servers: PrivateServers) -> int:
    told_at = [-_TOLD_EVERY_S]

    def tell(soak: Soak) -> None:
        if soak.elapsed_s >= told_at[0] + _TOLD_EVERY_S:
            told_at[0] = soak.elapsed_s
            delivered = sum(len(counter) for counter in soak.ledger.arrivals.values())
            sys.stderr.write(
                f"{soak.elapsed_s:6.0f} s: {soak.committed:,} changes, {delivered:,} events arrived,"
                f" {soak.faults.total()} faults, worker {soak.gauges.memory['worker'].last:.0f} MiB\n"
            )

    async with running_soak(servers, rate=given.rate, fault_every_s=given.fault_every, seed=given.seed) as soak:
        await soak.run(given.minutes * 60, tell)
    sys.stdout.writelines(f"{name:<44} {value}\n" for name, value in rows(soak))
    return int(soak.lost > 0 or soak.ledger.misordered > 0)


def rows(soak: Soak) -> list[tuple[str, str]]:
    """Return the table: names and values."""
    every, latest = soak.ledger.arrivals.values()
    found = [
        ("minutes", f"{soak.seconds / 60:.1f}"),
        ("faults", ", ".join(f"{count} × {name}" for name, count in sorted(soak.faults.items())) or "none"),
        ("changes committed", f"{soak.committed:,}"),
        ("events arrived, told of every change", f"{len(every):,}"),
        ("events arrived, told of the newest state", f"{len(latest):,}"),
        ("lost", f"{soak.lost:,}"),
        ("misordered", f"{soak.ledger.misordered:,}"),
        ("arrived again (after a fault or a 503)", f"{soak.ledger.duplicates:,}"),
        ("pages answered by the API, and not", f"{soak.answered:,}, {soak.unanswered:,}"),
    ]
    for name, gauge in soak.gauges.memory.items():
        slope = gauge.slope_per_hour()
        growth = "too short to tell" if slope is None else f"{slope:+.1f} MiB per hour"
        found.append((f"memory of the {name}, last and most", f"{gauge.last:.0f}, {gauge.most:.0f} MiB; {growth}"))
    for name, gauge in soak.gauges.descriptors.items():
        found.append((f"file descriptors of the {name}, last and most", f"{gauge.last:.0f}, {gauge.most:.0f}"))
    for name, gauge in soak.gauges.tables.items():
        found.append((f"size of {name}, last and most", f"{gauge.last:.1f}, {gauge.most:.1f} MiB"))
    return found


if __name__ == "__main__":
    main()
