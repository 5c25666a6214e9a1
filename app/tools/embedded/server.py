"""Start, stop and restart one embedded server, or attach to one that runs already."""

import os
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from itertools import chain, repeat
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import ClassVar, Literal, Self

from app.errors import TellgraphError
from app.tools.embedded.files import OwnerLock, ServerState, find_state, keep_state, make_data_dir
from app.tools.embedded.processes import free_port, has_ended, is_free, wait_until

StopMode = Literal["fast", "immediate", "kill"]
STOP_MODES: tuple[StopMode, ...] = ("fast", "immediate", "kill")

# A start includes making a cluster, or recovering one after a crash, on a slow machine.
_START_TIMEOUT_S = 60
# After this, the next harsher way of stopping is tried.
_STOP_TIMEOUT_S = 20
_LOG_TAIL_CHARACTERS = 1500


class EmbeddedServerError(TellgraphError):
    """An embedded server can't be used. The message says what to do."""

    code = "EMBEDDED_SERVER"


class EmbeddedServer(ABC):
    """One server of one data directory.

    `start` makes this object its owner, who stops it, unless another living process owns it: then this object
    is only attached, and `stop` leaves the server alone.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    signals: ClassVar[Mapping[StopMode, Signals]]

    def __init__(
        self, data_dir: Path, *, durable: bool = True, say: Callable[[str], None] = lambda _line: None
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.durable = durable
        self.say = say
        self.pid: int | None = None
        self.port: int | None = None
        self.log_path = self.data_dir / f"{self.name}.log"
        self._state_path = self.data_dir / f"{self.name}.json"
        make_data_dir(self.data_dir)
        self._lock = OwnerLock(self.data_dir / f"{self.name}.lock")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def is_owner(self) -> bool:
        return self._lock.is_held

    def start(self) -> None:
        """Attach to the server, take it over, or start it. Return when it answers.

        If the same object starts it again, it has the same port as before.

        Raises:
            EmbeddedServerError: The message holds the end of the server's log.
        """
        if not wait_until(lambda: self._lock.try_acquire() or self._attach(), _START_TIMEOUT_S):
            raise EmbeddedServerError(self._unresponsive())
        if not self.is_owner:
            self.say(f"{self.title} runs already on port {self.port}: using it")
            return
        try:
            self._take_over_or_launch()
        except BaseException:
            self.stop("immediate")
            raise

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server and wait until it is gone; does nothing when only attached or not running.

        fast: cleanly, ending the sessions. immediate: without a checkpoint, as in a crash. kill: SIGKILL.
        """
        if not self.is_owner:
            self.pid = None
            return
        try:
            self._end(mode)
        finally:
            self._lock.release()

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop and start the server on the same port. Raise EmbeddedServerError if another process owns it."""
        if not self.is_owner:
            raise EmbeddedServerError(f"{self.title} belongs to another process, which alone may restart it")
        self._end(mode)
        self._take_over_or_launch()

    @abstractmethod
    def url(self) -> str:
        """Return the server's URL with its password, valid from `start` on."""

    @abstractmethod
    def _find_running(self) -> ServerState | None:
        """Find this directory's running server, and remove the files of a dead one."""

    @abstractmethod
    def _is_attachable(self) -> ServerState | None:
        """Find this directory's server if it is ready for use. Nothing is changed."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make the server's files on disk, unless they exist."""

    @abstractmethod
    def _spawn(self, port: int, log: int) -> subprocess.Popen[bytes]:
        """Start the process in its own session. Its output goes to the descriptor `log`."""

    @abstractmethod
    def _is_ready(self, pid: int, port: int) -> bool:
        """Return whether the new process answers."""

    @abstractmethod
    def _may_retry(self, log: str) -> bool:
        """Return whether the log of a process that ended at once suggests another try."""

    def _complete(self) -> None:  # noqa: B027 - a server needs nothing more, as a rule
        """Finish the start once the server answers."""

    def _attach(self) -> bool:
        state = self._is_attachable()
        if state is None:
            return False
        self.pid, self.port = state.pid, state.port
        return True

    def _unresponsive(self) -> str:
        state = find_state(self._state_path)
        owner = f"process {state.owner_pid}" if state else "another process"
        return f"{self.title} in {self.data_dir} belongs to {owner} and does not answer: end that process first"

    def _take_over_or_launch(self) -> None:
        state = self._find_running()
        if state is None:
            self._prepare()
            self._launch()
        else:
            self.say(f"{self.title} was left running on port {state.port}: taking it over")
            self.pid, self.port = state.pid, state.port
            self._keep_state()
        self._complete()

    def _launch(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT_S
        for port in self._ports():
            seen = self.log_path.stat().st_size if self.log_path.exists() else 0
            self._begin(port)
            if self._await_ready(port, deadline):
                self.port = port
                self.say(f"{self.title} runs on port {port}")
                return
            log = self._read_log(seen)
            self._end("kill")
            if time.monotonic() > deadline or not self._may_retry(log):
                raise EmbeddedServerError(f"{self.title} does not start:\n{log[-_LOG_TAIL_CHARACTERS:].strip()}")
            time.sleep(0.05)

    def _ports(self) -> Iterator[int]:
        """Yield the ports to try: the port in use if there is one; else the last one if it is free, then others."""
        if self.port is not None:
            return repeat(self.port)
        state = find_state(self._state_path)
        last = [state.port] if state and is_free(state.port) else []
        return chain(last, iter(free_port, None))

    def _begin(self, port: int) -> None:
        log = os.open(self.log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = self._spawn(port, log)
        finally:
            os.close(log)
        self.pid = self._process.pid
        # Before it is ready: were this process killed now, the next one could still find the server.
        self._keep_state(port)

    def _keep_state(self, port: int | None = None) -> None:
        chosen = port or self.port
        if self.pid is not None and chosen is not None:
            keep_state(self._state_path, ServerState(pid=self.pid, port=chosen, owner_pid=os.getpid()))

    def _await_ready(self, port: int, deadline: float) -> bool:
        process = self._process
        if process is None:
            return False
        wait_until(
            lambda: process.poll() is not None or self._is_ready(process.pid, port),
            deadline - time.monotonic(),
        )
        return process.poll() is None and self._is_ready(process.pid, port)

    def last_lines(self, number: int = 20) -> str:
        """Return the end of the server's log."""
        return "\n".join(self._read_log(0).splitlines()[-number:])

    def _read_log(self, start: int) -> str:
        with self.log_path.open("rb") as log:
            log.seek(start)
            return log.read().decode("utf-8", "replace")

    def _end(self, mode: StopMode) -> None:
        """Stop the process, more harshly when it takes too long or when the wait is interrupted."""
        try:
            for each in STOP_MODES[STOP_MODES.index(mode) :]:
                if self._signal_and_wait(each):
                    break
        except BaseException:
            self._signal_and_wait("immediate")
            raise
        finally:
            self._forget_process()

    def _signal_and_wait(self, mode: StopMode) -> bool:
        if self._is_gone():
            return True
        if self.pid is not None:
            os.kill(self.pid, self.signals[mode])
        return wait_until(self._is_gone, _STOP_TIMEOUT_S)

    def _is_gone(self) -> bool:
        if self._process is not None:
            return self._process.poll() is not None
        return self.pid is None or has_ended(self.pid)

    def _forget_process(self) -> None:
        if self._is_gone():
            self._process = None
            self.pid = None
