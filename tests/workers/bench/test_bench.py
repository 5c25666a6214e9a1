"""`tellgraph bench`: every figure is there and can be true. What it measures is nothing for a test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import temporary_dir
from tests.support.waiting import COMMAND_DEADLINE_S
from workers.bench import SECTIONS
from workers.bench.environment.processes import NotMeasurable, check_measurable

KEYS = {
    "pipeline": {
        "bare_post.cpu_ms",
        "pipeline.worker_cpu_ms",
        "pipeline.worker_ratio",
        "pipeline.total_cpu_ms",
        "pipeline.writer_ms",
        "pipeline.events_per_s",
        "pipeline.publish_per_s",
        "pipeline.deliver_per_s",
        "pipeline.wal_bytes",
        "pipeline.rows_written",
    },
    "stream": {f"stream.{rate}.{name}" for rate in (50, 100, 200, 400, 800) for name in ("cpu_ms", "p50_ms", "p99_ms")},
    "scale": {
        f"scale.{workers}.{name}" for workers in (1, 2, 4, 8) for name in ("events_per_s", "cpu_ms", "lock_waits")
    },
    "feed": {"feed.total_cpu_ms", "feed.api_cpu_ms", "feed.events_per_s", "feed.ratio"},
    "fanout": {"fanout.same_query.cpu_ms", "fanout.distinct_queries.cpu_ms"},
    "latency": {"latency.p50_ms", "latency.p99_ms"},
    "plan": {"plan.cpu_ms", "plan.reference_cpu_ms", "plan.speedup"},
    "statements": {"statements.batch_5", "statements.batch_500"},
    "growth": {"growth.webhooks_ratio", "growth.history_ratio"},
    "unwatched": {"unwatched.ratio"},
    "idle_streams": {
        "idle_streams.sse_mib",
        "idle_streams.sse_core",
        "idle_streams.websocket_mib",
        "idle_streams.websocket_core",
        "idle_streams.commit_ms",
    },
    "sessions": {"sessions.capture_ratio", "sessions.claim_ratio", "sessions.blocked_claim_ms"},
    "memory": {"memory.worker_mib"},
    "mutations": {
        f"mutations.{name}.{of}_cpu_ms"
        for name in ("orderCreate", "shipmentCreate", "refundRequestCreate", "variantUpdate")
        for of in ("api", "postgres")
    },
    "api": {"api.requests_per_s", "api.cpu_ms", "api.cold_cpu_ms"},
}
#: The others take longer than a test may; they are the same code at a larger scale.
CHOSEN = ("pipeline", "stream", "feed", "statements", "sessions", "mutations")


def bench(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli.main", "bench", *options],
        env={**os.environ, "TMPDIR": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=COMMAND_DEADLINE_S,
        check=False,
    )


@pytest.fixture(autouse=True)
def _needs_proc() -> None:
    try:
        check_measurable()
    except NotMeasurable as error:
        pytest.skip(error.message)


def test_every_section_has_its_keys_here() -> None:
    assert set(KEYS) == set(SECTIONS)


def test_writes_figures_that_can_be_true(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    chosen = [word for name in CHOSEN for word in ("--only", name)]

    # Not in a folder of pytest's: whenever another run of pytest begins, it closes all of them to other users.
    with temporary_dir() as folder:
        done = bench(folder, "--quick", *chosen, "--json", str(path))
        left = list(folder.iterdir())

    assert done.returncode == 0, done.stderr
    figures = json.loads(path.read_text())
    assert set(figures) == set().union(*(KEYS[name] for name in CHOSEN))
    assert all(isinstance(value, int | float) and value > 0 for value in figures.values())
    assert figures["pipeline.total_cpu_ms"] > figures["pipeline.worker_cpu_ms"] > figures["bare_post.cpu_ms"]
    # Part of the way takes less than all of it.
    assert figures["pipeline.publish_per_s"] > figures["pipeline.events_per_s"]
    assert figures["statements.batch_5"] == figures["statements.batch_500"]
    assert all(key in done.stdout for key in figures)
    assert left == []


def test_refuses_a_section_that_there_is_none_of(tmp_path: Path) -> None:
    done = bench(tmp_path, "--only", "speed")

    assert done.returncode == 1
    assert "There is no section speed" in done.stderr
