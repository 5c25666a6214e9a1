"""A URL with several hosts leads to the one that takes writes, whatever the others do."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from app.db.hosts import Hosts
from app.db.pool import connection, create_database
from app.db.server import DatabaseRefused, connect
from app.errors import DatabaseUnavailable


@pytest.fixture
def silent() -> Iterator[str]:
    """Host and port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def with_hosts(url: str, *hosts: str) -> str:
    """The URL with other hosts; `{}` is its own."""
    parts = urlsplit(url)
    user, _, own = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}@{','.join(host.format(own) for host in hosts)}").geturl()


@pytest.mark.parametrize("hosts", [("silent", "{}"), ("127.0.0.1:1", "{}"), ("{}", "silent")])
async def test_a_host_that_is_silent_or_gone_keeps_nobody_from_the_other(
    database_url: str, silent: str, hosts: tuple[str, str]
) -> None:
    url = with_hosts(database_url, *(silent if host == "silent" else host for host in hosts))
    servers = Hosts(url)

    for _ in range(3):
        # The first host alone would take the whole hour.
        conn = await servers.connect(timeout=3600)
        assert await conn.fetchval("select 1") == 1
        await conn.close()


async def test_the_host_that_took_writes_last_is_tried_first(database_url: str, silent: str) -> None:
    servers = Hosts(with_hosts(database_url, silent, "{}"))

    await (await servers.connect(timeout=60)).close()

    assert servers._urls == [database_url, with_hosts(database_url, silent)]


async def test_a_host_that_takes_no_writes_is_passed_over(database_url: str, conn: asyncpg.Connection) -> None:
    await conn.execute("create role reader login password 'p' in role tellgraph")
    try:
        await conn.execute("alter role reader set default_transaction_read_only = on")
        place = urlsplit(database_url).netloc.rpartition("@")[2]
        path = urlsplit(database_url).path
        with pytest.raises(DatabaseUnavailable) as caught:
            await connect(f"postgresql://reader:p@{place},127.0.0.1:1{path}")
    finally:
        await conn.execute("drop role reader")

    assert f"{place}: it takes no writes now, because it is a standby or read-only" in str(caught.value)
    assert "127.0.0.1:1: Connection refused" in str(caught.value)
    assert "reader:p" not in str(caught.value)


async def test_what_no_host_will_ever_accept_is_refused(database_url: str) -> None:
    place = urlsplit(database_url).netloc.rpartition("@")[2]
    with pytest.raises(DatabaseRefused, match="password authentication failed"):
        await connect(f"postgresql://tellgraph:wrong@{place},{place}/tellgraph")


async def test_of_two_hosts_that_answer_one_connection_is_left(database_url: str, conn: asyncpg.Connection) -> None:
    database = create_database(with_hosts(database_url, "{}", "{}"), pool_size=3)
    async with database, connection(database) as pooled:
        assert await pooled.fetchval("select 1") == 1
        count = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        assert await conn.fetchval(count) == 1
