"""Look up processes and ports of this machine."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections: a server
# that is stopped for a moment can't find its port taken by a client.
_PORTS = range(20_000, 32_000)
_POLL_S = 0.02


def free_port() -> int:
    """Return a free port of 127.0.0.1. Another process may take it at any time."""
    while True:
        port = random.choice(_PORTS)
        if is_free(port):
            return port


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do, so that connections which are only just closed do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def has_ended(pid: int) -> bool:
    """Return whether a process has ended, or is a zombie that only its parent can remove."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return not Path("/proc/self").exists() and _ps(pid, "stat").startswith("Z")


def command_of(pid: int) -> str:
    """Return the command line of a process, its parts separated by blanks; empty if there is none."""
    if not Path("/proc/self").exists():
        return _ps(pid, "command")
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ").strip()
    except OSError:
        return ""


def working_dir_of(pid: int) -> Path | None:
    """Return the current directory of a process; None where the system does not tell."""
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return None


def _ps(pid: int, column: str) -> str:
    command = ["ps", "-p", str(pid), "-o", f"{column}="]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Wait for a condition, and return whether it came true in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True
