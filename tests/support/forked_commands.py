"""Fork `tellgraph …` from a process that has imported it already: importing it costs more than most tests.

For a command the fork is as good as a new process: it has no connection, no thread and no event loop yet.
"""

import asyncio
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import IO

from app.cli.main import COMMANDS

_context = multiprocessing.get_context("forkserver")


def prepare() -> None:
    """Start the process that commands are forked from, so that the test that needs the first leaves nothing open."""
    modules = {place.partition(":")[0] for place in COMMANDS.values()}
    _context.set_forkserver_preload(["app.cli.main", *sorted(modules), "tests.support.frozen_heap"])
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
    return _fork(["worker"], environment, given=os.devnull, out=log.name, err=log.name)


def fork_command(arguments: Sequence[str], environment: Mapping[str, str], *, out: Path, err: Path) -> ForkedProcess:
    """Start a command with all of this environment; what it prints is added to these files."""
    for file in (out, err):
        file.touch()
    return _fork(arguments, environment, given=os.devnull, out=str(out), err=str(err))


def fork_server(environment: Mapping[str, str], log: IO[bytes]) -> ForkedProcess:
    """Start the API at any free port; its log says which."""
    return _fork(["serve", "--port", "0"], environment, given=os.devnull, out=log.name, err=log.name)


def run_command(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    given: str = "",
    within_s: float = 120,
    cwd: str | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command with all of this environment to its end, and return its status and what it has printed.

    Args:
        given: What it reads from its standard input.
        cwd: The folder that it runs in; None: this process's.
    """
    with tempfile.TemporaryDirectory(prefix="tellgraph-command-") as folder:
        files = [Path(folder) / name for name in ("given", "out", "err")]
        for file, text in zip(files, (given, "", ""), strict=True):
            file.write_text(text)
        process = _fork(arguments, environment, given=str(files[0]), out=str(files[1]), err=str(files[2]), cwd=cwd)
        status = process.wait(within_s)
        if status is None:
            process.kill()
            process.wait()
            raise subprocess.TimeoutExpired([*arguments], within_s, files[1].read_text(), files[2].read_text())
        return subprocess.CompletedProcess([*arguments], status, files[1].read_text(), files[2].read_text())


#: `tellgraph` for a shell: has the command run by this process, with the shell's folder and environment.
_SHIM = """#!{python} -SE
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as served:
    served.connect({address!r})
    served.sendall(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd()]).encode() + b"\\n")
    status, out, err = json.loads(served.makefile().read())
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(status)
"""


@asynccontextmanager
async def command_for_shells() -> AsyncIterator[str]:
    """Offer `tellgraph` to shells; the folder for their PATH."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arguments, environment, cwd = json.loads(await reader.readline())
        done = await asyncio.to_thread(run_command, arguments, environment, cwd=cwd)
        writer.write(json.dumps([done.returncode, done.stdout, done.stderr]).encode())
        writer.close()
        await writer.wait_closed()

    # A name in /tmp, because that of a socket may have about a hundred bytes.
    with tempfile.TemporaryDirectory(prefix="tellgraph-shim-") as folder:
        shim, address = Path(folder) / "tellgraph", f"{folder}/socket"
        shim.write_text(_SHIM.format(python=sys.executable, address=address))
        shim.chmod(0o755)
        async with await asyncio.start_unix_server(answer, address, limit=1 << 20):
            yield folder


def _fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    given: str,
    out: str,
    err: str,
    cwd: str | None = None,
) -> ForkedProcess:
    process = _context.Process(target=_run, args=([*arguments], dict(environment), given, out, err, cwd), daemon=False)
    process.start()
    assert process.pid is not None
    return ForkedProcess(process.pid, process)


def _run(arguments: list[str], environment: dict[str, str], given: str, out: str, err: str, cwd: str | None) -> None:
    if cwd is not None:
        os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(given, os.O_RDONLY), 0)
    for number, file in ((1, out), (2, err)):
        os.dup2(os.open(file, os.O_WRONLY | os.O_APPEND), number)
    # multiprocessing has replaced it by an empty one.
    sys.stdin = os.fdopen(0, closefd=False)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # both are files here
    sys.argv = ["tellgraph", *arguments]
    from app.cli.main import main

    main()
