"""Fork `tellgraph worker` from a process that has imported it already: importing it costs more than most tests.

For whatever a worker does, the fork is as good as a new process: it has no connection, no thread and no event loop yet.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerProcess
from typing import IO

_context = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the process that workers are forked from, so that the test that needs the first one leaves nothing open."""
    _context.set_forkserver_preload(["app.cli.main"])
    resource_tracker.ensure_running()
    forkserver.ensure_running()


@dataclass(slots=True)
class ForkedProcess:
    """A forked worker, with the methods of `subprocess.Popen` that tests of workers need."""

    pid: int
    _process: ForkServerProcess
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit status; None while it runs."""
        return self.wait(0)

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit status, or None if it still runs after so many seconds."""
        if self.returncode is None:
            self._process.join(timeout)
            self.returncode = self._process.exitcode
            if self.returncode is not None:
                self._process.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork_worker(environment: Mapping[str, str], log: IO[bytes]) -> ForkedProcess:
    """Start a worker with all of this environment; what it prints is added to the log."""
    process = _context.Process(target=_work, args=(dict(environment), log.name), daemon=False)
    process.start()
    assert process.pid is not None
    return ForkedProcess(process.pid, process)


def _work(environment: dict[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND)
    for number, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, output), (2, output)):
        os.dup2(opened, number)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are files here
    sys.argv = ["tellgraph", "worker"]
    from app.cli.main import main

    main()
