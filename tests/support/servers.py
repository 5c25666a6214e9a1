"""The PostgreSQL and Redis that tests run on: one pair for a whole run, or a pair of one test's own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from app.tools.embedded import EmbeddedPostgres, EmbeddedRedis, embedded_servers
from tests.support.database import migrated_template, with_database
from tests.support.prepared_cluster import copy_prepared_cluster

DATABASE_VARIABLE = "TELLGRAPH_TEST_DATABASE_URL"
REDIS_VARIABLE = "TELLGRAPH_TEST_REDIS_URL"
TEMPLATE_VARIABLE = "TELLGRAPH_TEST_TEMPLATE"

# A cluster with its log and a few clones takes about 300 MB; a container often has 64 MB in all.
_MEMORY_BYTES = 2 * 1024**3


@contextmanager
def shared_servers() -> Iterator[None]:
    """Have servers for all processes of the run, found by environment, and a migrated template.

    Servers named by the environment already are used and not stopped.
    """
    with ExitStack() as stack:
        if DATABASE_VARIABLE not in os.environ or REDIS_VARIABLE not in os.environ:
            servers = stack.enter_context(
                embedded_servers(stack.enter_context(temporary_dir(_memory_dir())), durable=False)
            )
            for name, url in ((DATABASE_VARIABLE, servers.database_url), (REDIS_VARIABLE, servers.redis_url)):
                if name not in os.environ:
                    _set_variable(stack, name, url)
        template = stack.enter_context(migrated_template(os.environ[DATABASE_VARIABLE]))
        _set_variable(stack, TEMPLATE_VARIABLE, template)
        yield


def _set_variable(stack: ExitStack, name: str, value: str) -> None:
    os.environ[name] = value
    stack.callback(os.environ.pop, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateServers:
    """Servers of one test, which it may stop, kill and restart; their ports stay the same."""

    postgres: EmbeddedPostgres
    redis: EmbeddedRedis

    @property
    def database_url(self) -> str:
        """A migrated, empty database."""
        return self.postgres.url()

    @property
    def redis_url(self) -> str:
        return self.redis.url()


@contextmanager
def private_servers_running() -> Iterator[PrivateServers]:
    """Start PostgreSQL, durable as in production, and Redis; both are gone at the end in any case."""
    with temporary_dir() as data_dir:
        copy_prepared_cluster(data_dir)
        postgres, redis = EmbeddedPostgres(data_dir), EmbeddedRedis(data_dir)
        with postgres, redis:
            yield PrivateServers(postgres=postgres, redis=redis)


def _memory_dir() -> Path | None:
    """Return a file system in memory with room for a run: cloning some 300 files is much faster there."""
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= _MEMORY_BYTES
    return memory if has_room else None


@contextmanager
def temporary_dir(parent: Path | None = None) -> Iterator[Path]:
    """Make a directory that PostgreSQL can enter when root runs the tests; pytest's own are closed."""
    path = Path(tempfile.mkdtemp(prefix="tellgraph-test-", dir=parent))
    try:
        path.chmod(0o711)
        yield path
    finally:
        shutil.rmtree(path)


def worker_redis_url(server_url: str) -> str:
    """Return the URL of the Redis database of this process: 0, or 1 + n in pytest-xdist's worker `gw<n>`."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return with_database(server_url, str(int(worker.removeprefix("gw")) + 1 if worker else 0))
