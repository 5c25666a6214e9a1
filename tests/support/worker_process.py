"""`tellgraph worker` as a process of its own, to stop, kill and start again."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil

from tests.support.forked_commands import ForkedProcess, fork_server, fork_worker
from tests.support.load import IS_LONG
from tests.support.platform import SECRET_KEY
from tests.support.waiting import COMMAND_DEADLINE_S, until

#: What no worker should have to say; arq's word for a job that raised is among it.
_FAILURE = re.compile(r'"level": ?"(?:error|critical)"')
#: Not the installed script: the code under test is that of this directory.
COMMAND = ("-c", "from app.cli.main import main; main()")


@dataclass(slots=True)
class WorkerProcess:
    """One worker; started again, it is a new process that adds to the same log."""

    environment: dict[str, str]
    log: IO[bytes]
    command: Sequence[str] = COMMAND
    process: subprocess.Popen[bytes] | ForkedProcess | None = field(default=None)

    def start(self) -> None:
        assert self.process is None
        environment = os.environ | self.environment
        # The long form starts each as an operator does.
        if self.command == COMMAND and not IS_LONG:
            self.process = fork_worker(environment, self.log)
            return
        self.process = subprocess.Popen(
            [sys.executable, *self.command, "worker"],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )

    def start_api(self) -> None:
        """Start an API process in the place of a worker. Its log line `serve.ready` has its URL."""
        assert self.process is None
        self.process = fork_server(os.environ | self.environment, self.log)

    def kill(self) -> None:
        """SIGKILL: nothing is stored and nobody is told."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.process = None

    def freeze(self) -> None:
        """SIGSTOP: it does nothing until `thaw`, and its connections stay."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT: it goes on where it was."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def peak_bytes(self) -> int:
        """Return the most memory that the process has had so far; where the system doesn't tell, what it has now."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status")
        if status.exists():
            peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
            return int(peak.split()[1]) * 1024
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def set_clock(self) -> None:
        """From now on its clock is off: `worker_process(…, clock_is_set_s=…)`."""
        assert self.process is not None
        self.process.send_signal(signal.SIGUSR1)

    async def stop(self, *, within_s: float = 30) -> int:
        """SIGTERM, and its exit status."""
        process = self.process
        assert process is not None
        process.send_signal(signal.SIGTERM)

        async def has_ended() -> bool:
            return process.poll() is not None

        await until(has_ended, deadline_s=within_s)
        self.process = None
        assert process.returncode is not None
        return process.returncode

    def cpu_s(self) -> float:
        """CPU seconds used so far."""
        assert self.process is not None
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    async def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """Log lines of this event, as soon as there are `count` of them."""

        async def found() -> list[dict[str, Any]]:
            assert self.process is None or self.process.poll() is None, self.read()
            lines = self.lines(event)
            return lines if len(lines) >= count else []

        return await until(found, deadline_s=COMMAND_DEADLINE_S)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """All log lines of this event so far. One that is being written, or was cut by a kill, is left out."""
        found = []
        for text in self.read().splitlines():
            with suppress(json.JSONDecodeError):
                if text.startswith("{") and (line := json.loads(text)).get("event") == event:
                    found.append(line)
        return found

    def failures(self) -> list[str]:
        """Return the log lines that tell of an error of ours, as of a job that raised."""
        return [line for line in self.read().splitlines() if _FAILURE.search(line)]

    def read(self) -> str:
        return Path(self.log.name).read_text("utf-8", "replace")


@contextmanager
def worker_process(
    database_url: str,
    redis_url: str,
    *,
    clock_is_off_s: int = 0,
    clock_is_set_s: int = 0,
    **settings: object,
) -> Iterator[WorkerProcess]:
    """A worker that has not been started; killed at the end if it runs. `settings` as in `deliver_lease_s=3`.

    Its clock may be off from the start, or from `set_clock` on.
    """
    named = {f"TELLGRAPH_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {
        "TELLGRAPH_DATABASE_URL": database_url,
        "TELLGRAPH_REDIS_URL": redis_url,
        "TELLGRAPH_SECRET_KEY": SECRET_KEY,
        "TELLGRAPH_EGRESS_ALLOW": "127.0.0.0/8",
        "TELLGRAPH_EGRESS_ALLOW_SELLERS": "127.0.0.0/8",
        **named,
    }
    with tempfile.NamedTemporaryFile(prefix="tellgraph-worker-", suffix=".log", mode="ab") as log:
        worker = WorkerProcess(environment=environment, log=log)
        if off_s := clock_is_off_s or clock_is_set_s:
            when = "start" if clock_is_off_s else "signal"
            worker.command = ("-m", "tests.support.shifted_worker", str(off_s), when)
        try:
            yield worker
        finally:
            if worker.process is not None:
                worker.kill()


async def started(worker: WorkerProcess) -> WorkerProcess:
    """Start, and wait until it works."""
    before = len(worker.lines("worker.started"))
    await asyncio.to_thread(worker.start)
    await worker.wait_for("worker.started", before + 1)
    return worker
