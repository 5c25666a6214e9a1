"""Run the demo's API and worker, each in its own session and with its own log. They end with the demo."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from app.tools.demo.progress import DemoError

_STOP_TIMEOUT_S = 10
_POLL_S = 0.05
_LOG_TAIL_LINES = 15

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Child:
    """One process. `log_start` is the position in its log where this run begins."""

    name: str
    process: subprocess.Popen[bytes]
    log_path: Path
    log_start: int

    def log_tail(self) -> str:
        with self.log_path.open("rb") as log:
            log.seek(self.log_start)
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return "\n".join(lines[-_LOG_TAIL_LINES:]) or "(empty)"


class Children:
    """A group of processes that are stopped together."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[Child] = []

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start `tellgraph <command>`. Its output goes to `<name>.log`."""
        self._log_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._log_dir / f"{name}.log"
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                # -P: a folder named `app` where the command is called must not be taken for ours.
                [sys.executable, "-P", "-m", "app.tools.demo.child", *command],
                # Held open by this process alone: it ends when this process is killed.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(environment),
                # Ctrl-C in the terminal reaches the demo alone, which then stops all in order.
                start_new_session=True,
            )
            self._children.append(Child(name, process, path, os.fstat(log).st_size))
        finally:
            os.close(log)

    def check(self) -> None:
        """Raise DemoError, with the end of its log, if one of the processes has ended."""
        for child in self._children:
            status = child.process.poll()
            if status is not None:
                raise DemoError(
                    f"the {child.name} has ended with status {status}; its log, {child.log_path}, ends with\n"
                    f"{child.log_tail()}"
                )

    def wait_for(self, look: Callable[[], Found | None], what: str, timeout_s: float) -> Found:
        """Call `look` until it returns something. Raise DemoError if that takes too long, or if a process ends."""
        deadline = time.monotonic() + timeout_s
        while (found := look()) is None:
            self.check()
            if time.monotonic() > deadline:
                logs = "".join(f"\n{child.log_path} ends with\n{child.log_tail()}" for child in self._children)
                raise DemoError(f"{what} within {timeout_s:g} s{logs}")
            time.sleep(_POLL_S)
        return found

    def stop(self) -> None:
        """Ask all processes to end, and wait. Kill those that do not end, or all if the wait is interrupted."""
        try:
            for child in self._children:
                child.process.terminate()
            deadline = time.monotonic() + _STOP_TIMEOUT_S
            for child in self._children:
                child.process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            self._kill()
        except BaseException:
            self._kill()
            raise

    def _kill(self) -> None:
        for child in self._children:
            child.process.kill()
            child.process.wait()


@contextmanager
def running_children(log_dir: Path) -> Iterator[Children]:
    children = Children(log_dir)
    try:
        yield children
    finally:
        children.stop()
