"""Two servers, of which one applies what is committed on the other: PostgreSQL's own logical replication."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg

from app.tools.embedded import EmbeddedPostgres
from tests.support.prepared_cluster import copy_prepared_cluster
from tests.support.servers import temporary_dir
from tests.support.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Replication:
    """`there` is where programs write; `here` is where Tellgraph captures what arrives."""

    there: asyncpg.Connection
    here: asyncpg.Connection
    there_url: str
    here_url: str

    async def subscribe(self, *tables: str, options: str = "") -> None:
        """Begin with a copy of the tables as they are; wait until it is complete."""
        await self.there.execute(
            f"create publication marketplace for table {', '.join(tables)} with (publish = 'insert, update, delete')"
        )
        server = urlsplit(self.there_url)
        target = (
            f"host={server.hostname} port={server.port} user={server.username} password={server.password}"
            f" dbname={server.path[1:]}"
        )
        await self.here.execute(
            f"create subscription marketplace connection '{target}' publication marketplace {options}"
        )
        complete = "select bool_and(srsubstate = 'r') from pg_subscription_rel"
        await until(lambda: self.here.fetchval(complete))

    async def catch_up(self) -> None:
        """Wait until all that is committed there has been applied here."""
        position = await self.there.fetchval("select pg_current_wal_lsn()::text")
        applied = (
            "select bool_or(replay_lsn >= $1::text::pg_lsn) from pg_stat_replication"
            " where application_name = 'marketplace' and state = 'streaming'"
        )
        await until(lambda: self.there.fetchval(applied, position))


@asynccontextmanager
async def replicating_servers() -> AsyncIterator[Replication]:
    """Both migrated and empty, and not subscribed to each other yet."""
    with ExitStack() as stack:
        servers = []
        for _ in range(2):
            data_dir = stack.enter_context(temporary_dir())
            await asyncio.to_thread(copy_prepared_cluster, data_dir)
            servers.append(stack.enter_context(EmbeddedPostgres(data_dir, durable=False)))
        for server in servers:
            conn = await asyncpg.connect(server.url())
            for setting in ("wal_level = logical", "max_prepared_transactions = 5"):
                await conn.execute(f"alter system set {setting}")
            await conn.close()
            server.restart()
        # What is committed there is then in the log, whose end `catch_up` asks for.
        at_once = {"synchronous_commit": "on"}
        there, here = [await asyncpg.connect(server.url(), server_settings=at_once) for server in servers]
        try:
            yield Replication(there=there, here=here, there_url=servers[0].url(), here_url=servers[1].url())
        finally:
            await here.execute("drop subscription if exists marketplace")
            await there.close()
            await here.close()
