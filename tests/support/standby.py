"""A streaming standby of an embedded PostgreSQL, to promote when its primary is gone."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import asyncpg

from app.tools.embedded import EmbeddedPostgres
from tests.support.servers import temporary_dir
from tests.support.waiting import until

#: The standby's name at its primary.
_NAME = "standby"


class StandbyPostgres(EmbeddedPostgres):
    """A server whose cluster is a base backup of the primary's, which it then follows."""

    def __init__(self, data_dir: Path, primary: EmbeddedPostgres) -> None:
        super().__init__(data_dir)
        self._primary = primary

    @cached_property
    def _password(self) -> str:
        return self._primary._password

    def _make_cluster(self, cluster: Path, password_file: Path) -> None:
        source = f"host=127.0.0.1 port={self._primary.port} user=tellgraph application_name={_NAME}"
        source += f" password={self._password}"
        # It makes the folder itself, as PostgreSQL's user.
        arguments = ["-D", str(cluster), "-d", source, "-R", "-X", "stream", "-c", "fast"]
        with self.log_path.open("ab") as log:
            assert self._popen("pg_basebackup", arguments, log.fileno()).wait() == 0, self.log_path.read_text()

    def _complete(self) -> None:
        """A standby has the primary's databases."""


@contextmanager
def standby_running(primary: EmbeddedPostgres) -> Iterator[StandbyPostgres]:
    """Start a standby of a primary that runs; it is gone at the end."""
    with temporary_dir() as data_dir, StandbyPostgres(data_dir, primary) as standby:
        yield standby


async def follow(primary: EmbeddedPostgres, *, is_synchronous: bool) -> None:
    """Wait until the standby streams. Synchronous: from now on each commit waits until the standby has it on disk."""
    conn = await asyncpg.connect(primary.url())
    try:
        if is_synchronous:
            await conn.execute(f"alter system set synchronous_standby_names = '{_NAME}'")
            await conn.execute("select pg_reload_conf()")
        wanted = "sync" if is_synchronous else "async"

        async def is_followed() -> bool:
            found = await conn.fetchval("select sync_state from pg_stat_replication where state = 'streaming'")
            return bool(found == wanted)

        await until(is_followed)
    finally:
        await conn.close()


async def unfollow(standby: StandbyPostgres) -> None:
    """Have the standby hear no more of its primary."""
    conn = await asyncpg.connect(standby.url())
    try:
        await conn.execute("alter system set primary_conninfo = ''")
        await conn.execute("select pg_reload_conf()")

        async def hears_nothing() -> bool:
            return not await conn.fetchval("select count(*) from pg_stat_wal_receiver")

        await until(hears_nothing)
    finally:
        await conn.close()


async def promote(standby: StandbyPostgres) -> None:
    """Make the standby a primary, and return when it takes writes."""
    conn = await asyncpg.connect(standby.url())
    try:
        assert await conn.fetchval("select pg_promote(true, 60)")
    finally:
        await conn.close()
