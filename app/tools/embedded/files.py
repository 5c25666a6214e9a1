"""Files of the embedded servers beside their data: secrets, locks and state."""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path


def make_data_dir(data_dir: Path) -> None:
    """Make `data_dir`, closed to others. For root, others may pass it, since PostgreSQL then runs as another user."""
    data_dir.mkdir(parents=True, exist_ok=True)
    data_dir.chmod(0o711 if os.geteuid() == 0 else 0o700)
    _write_new(data_dir / ".gitignore", "*\n")


def keep_secret(path: Path, make: Callable[[], str]) -> str:
    """Return the secret kept in `path` (mode 0600). In a race, the first caller's `make()` decides."""
    if not path.exists():
        _write_new(path, make())
    return path.read_text("ascii")


def _write_new(path: Path, text: str) -> None:
    """Write a file of mode 0600 unless it exists. A reader sees the whole file or none."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        os.link(draft, path)
    except FileExistsError:
        pass  # Another process was first: its secret is the one in use.
    finally:
        os.unlink(draft)


def new_password() -> str:
    """Return 256 random bits that need no quoting in a URL or a configuration file."""
    return secrets.token_urlsafe(32)


class OwnerLock:
    """A lock of the process that must stop a server. The kernel releases it however that process ends.

    A process id would not do: another process may have it by now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def is_held(self) -> bool:
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take the lock, or return False at once while another process (or another object) holds it."""
        if self._descriptor is not None:
            return True
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    """A server's port and process, for the next process. Each value may be out of date."""

    pid: int
    port: int
    owner_pid: int


def find_state(path: Path) -> ServerState | None:
    """Return the state that `keep_state` wrote; None if there is none, or it is unreadable."""
    try:
        return ServerState(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def keep_state(path: Path, state: ServerState) -> None:
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(state)) + "\n", "utf-8")
    draft.replace(path)
