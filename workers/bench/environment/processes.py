"""Start the processes of a run, stop them in any case, and read their CPU time from /proc."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from app.errors import TellgraphError

_PROC = Path("/proc")


class NotMeasurable(TellgraphError):
    """This machine does not report CPU time."""

    code = "NOT_MEASURABLE"


class Processes:
    """Python processes beside this one. All are stopped at the end of the context."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._running):
            self.stop(process)

    def start(self, module: str, *arguments: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a module. Its standard output is a pipe; its errors go to a log in the directory of the run."""
        with self._log(module).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C reaches only the command, which then stops the others in order.
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the process at once. Nothing that it holds is needed any more."""
        self._running.remove(process)
        process.kill()
        process.wait()
        _output(process).close()

    def check(self, process: subprocess.Popen[bytes], module: str) -> None:
        """Raise TellgraphError with the end of its log if the process has ended."""
        if process.poll() is not None:
            raise TellgraphError(f"{module} ended with {process.returncode}:\n{self._log(module).read_text()[-2000:]}")

    def _log(self, module: str) -> Path:
        return self._directory / f"{module}.log"


def first_line(process: subprocess.Popen[bytes]) -> str:
    """Wait for the first line of a process's output, and return it; empty if the process ends first."""
    return _output(process).readline().decode().strip()


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None, "it was started with a pipe"
    return process.stdout


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuSeconds:
    """CPU seconds of groups of processes. `postgres` is the whole server without the backend that makes the changes.

    `worker` sums all workers.
    """

    worker: float
    postgres: float
    redis: float

    @property
    def total(self) -> float:
        return self.worker + self.postgres + self.redis


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """Reads the CPU time of processes: that of `postgres` with backends that come and go, without `uncounted` ones."""

    workers: Sequence[int]
    postgres: int
    redis: int
    uncounted: Sequence[int]

    def read(self) -> dict[str, dict[int, float]]:
        """Return the CPU seconds so far, by group and process id."""
        backends = [pid for pid in (self.postgres, *children(self.postgres)) if pid not in self.uncounted]
        return {
            "worker": cpu_of([pid for worker in self.workers for pid in (worker, *children(worker))]),
            "postgres": cpu_of(backends),
            "redis": cpu_of([self.redis]),
        }

    def since(self, before: Mapping[str, Mapping[int, float]]) -> CpuSeconds:
        return CpuSeconds(**{group: _spent(before[group], after) for group, after in self.read().items()})


def _spent(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def cpu_of(pids: Iterable[int]) -> dict[int, float]:
    """Return the CPU seconds of each process that still runs, with all its threads."""
    found = {}
    for pid in pids:
        try:
            threads = [(thread / "schedstat").read_text() for thread in (_PROC / str(pid) / "task").iterdir()]
        except (FileNotFoundError, ProcessLookupError):
            continue
        found[pid] = sum(int(text.split()[0]) for text in threads) / 1e9
    return found


def children(parent: int) -> list[int]:
    """Return the child processes that still run."""
    return [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit() and _parent(entry) == parent]


def _parent(entry: Path) -> int | None:
    try:
        stat = (entry / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name before it may hold spaces and parentheses.
    return int(stat.rpartition(")")[2].split()[1])


def peak_mib(pid: int) -> float:
    """Return the peak resident memory of a process in MiB."""
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def check_measurable() -> None:
    """Raise NotMeasurable if /proc does not report CPU time."""
    if not (_PROC / "self" / "schedstat").exists():
        raise NotMeasurable("CPU time is read from /proc/<pid>/schedstat, so this command needs Linux.")


def read_words(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the named words in the order of `known`; all if none is named. Raise TellgraphError for an unknown one."""
    if unknown := sorted(set(names) - set(known)):
        raise TellgraphError(f"There is no section {', '.join(unknown)}; there are {', '.join(known)}.")
    return [name for name in known if name in names or not names]
