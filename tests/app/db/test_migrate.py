"""`migrate` makes a database's tables, once, and leaves alone what another version has made."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta

import asyncpg
import pytest

from app.db.migrate import check_migrated, migrate, upgrade
from app.db.server import DatabaseRefused
from app.errors import Conflict, DatabaseUnavailable
from app.webhooks.db import retention
from tests.support.database import with_database

Conn = asyncpg.Connection


@pytest.fixture
async def empty_url(conn: Conn, database_url: str) -> AsyncIterator[str]:
    """A database without any table."""
    name = f"{database_url.rsplit('/', 1)[1]}_empty"
    await conn.execute(f'create database "{name}"')
    yield with_database(database_url, name)
    await conn.execute(f'drop database "{name}" with (force)')


async def test_two_at_once_on_an_empty_database_take_turns(empty_url: str) -> None:
    ended = await asyncio.gather(*(asyncio.to_thread(migrate, empty_url) for _ in range(3)), return_exceptions=True)

    assert ended == [None] * 3
    await check_migrated(empty_url)


async def test_goes_on_from_an_older_revision(empty_url: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, "0003_webhooks")
    conn = await asyncpg.connect(empty_url)
    webhook_id = await conn.fetchval(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " values ('INVOICE', '{UPDATE}', '', '', '') returning id"
    )

    await asyncio.to_thread(migrate, empty_url)

    await check_migrated(empty_url)
    assert await conn.fetchval("select id from webhooks") == webhook_id
    assert await conn.fetchval("select count(*) from webhook_events") == 0
    await conn.close()


@pytest.mark.parametrize("revision", ["9999_newer", "0037"])
async def test_a_database_of_another_version_is_refused_and_left_alone(empty_url: str, revision: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, "0001_catalogue")
    conn = await asyncpg.connect(empty_url)
    await conn.execute("update alembic_version set version_num = $1", revision)
    refused = []

    for work in (asyncio.to_thread(migrate, empty_url), check_migrated(empty_url)):
        with pytest.raises(Conflict) as error:
            await work
        refused.append(error.value.message)

    assert refused == [
        f"The database is at revision {revision}, which this version doesn't know:"
        " use a newer version, or a new database if this one was made before 0.1.0."
    ] * 2  # fmt: skip
    assert await conn.fetchval("select version_num from alembic_version") == revision
    assert await conn.fetchval("select to_regclass('orders')") is None
    await conn.close()


async def test_a_database_that_must_be_migrated_is_refused(empty_url: str) -> None:
    with pytest.raises(Conflict, match=r"The database has not been migrated: run `tellgraph migrate` first."):
        await check_migrated(empty_url)
    await asyncio.to_thread(upgrade, empty_url, "0001_catalogue")

    with pytest.raises(
        Conflict, match=r"The database is at revision 0001_catalogue and must be at .*: run `tellgraph migrate`"
    ):
        await check_migrated(empty_url)


@pytest.mark.parametrize("work", [check_migrated, lambda url: asyncio.to_thread(migrate, url)])
async def test_a_server_that_is_away_is_named_without_its_password(work: Callable[[str], Awaitable[None]]) -> None:
    with pytest.raises(DatabaseUnavailable, match=r"^PostgreSQL at 127.0.0.1:1/shop can't be reached: Connection"):
        await work("postgresql://tellgraph:geheim@127.0.0.1:1/shop")


@pytest.mark.parametrize("work", [check_migrated, lambda url: asyncio.to_thread(migrate, url)])
async def test_a_server_that_is_too_old_is_refused_in_one_sentence(work: Callable[[str], Awaitable[None]]) -> None:
    async with await asyncio.start_server(greet_as_postgresql_13, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        message = (
            f"PostgreSQL at 127.0.0.1:{port}/shop can't be used: it is version 13, and Tellgraph needs 15 or newer."
        )
        with pytest.raises(DatabaseRefused, match=f"^{re.escape(message)}$"):
            await work(f"postgresql://tellgraph@127.0.0.1:{port}/shop?sslmode=disable")


async def greet_as_postgresql_13(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer a start-up message, then end when the client says that it ends.

    Source: PostgreSQL manual, "Message Formats": AuthenticationOk, ParameterStatus, BackendKeyData, ReadyForQuery.
    """
    await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
    for kind, body in (
        (b"R", bytes(4)),
        (b"S", b"server_version\0" + b"13.23\0"),
        (b"K", bytes(8)),
        (b"Z", b"I"),
    ):
        writer.write(kind + (len(body) + 4).to_bytes(4) + body)
    assert await reader.readexactly(1) == b"X"
    writer.close()
    await writer.wait_closed()


async def test_histories_have_partitions_until_a_worker_makes_more(conn: Conn) -> None:
    made = await retention.list_partitions(conn)

    # The template may have been migrated before midnight.
    today = await retention.today(conn)
    assert made[0].since in (today, today - timedelta(days=1))
    starts = [made[0].since + timedelta(days=days) for days in (0, 3, 6)]
    assert [(one.table, one.since, one.until) for one in made] == [
        (table, since, since + timedelta(days=3)) for table in retention.HISTORIES for since in starts
    ]


async def test_a_new_partition_has_what_its_siblings_have(conn: Conn) -> None:
    for table in retention.HISTORIES:
        await conn.execute("select add_partition($1, '2020-01-01', '2020-01-04')", table)

    rows = await conn.fetch(
        """
        select i.inhparent::regclass::text as table, i.inhrelid::regclass::text as partition,
          -- Those of the table above it: a default partition also has one by time of its own.
          array(select substring(pg_get_indexdef(x.indexrelid) from ' USING .*') from pg_index x
            join pg_inherits a on a.inhrelid = x.indexrelid where x.indrelid = i.inhrelid order by 1) as indexes,
          array(select attname || attoptions::text from pg_attribute
            where attrelid = i.inhrelid and attoptions is not null order by 1) as statistics
        from pg_inherits i where i.inhparent = any($1::text[]::regclass[])
        """,
        list(retention.HISTORIES),
    )
    siblings = {table: [row for row in rows if row["table"] == table] for table in retention.HISTORIES}
    for table, found in siblings.items():
        assert f"{table}_20200101" in {row["partition"] for row in found}
        assert len({(tuple(row["indexes"]), tuple(row["statistics"])) for row in found}) == 1, table
    assert len(siblings["delivery_attempts"][0]["indexes"]) == 6
    assert siblings["webhook_events_closed"][0]["statistics"] == [
        "event_name{n_distinct=4}", "state{n_distinct=10}", "webhook_id{n_distinct=1000}",
    ]  # fmt: skip


async def test_webhooks_made_disabled_miss_what_changes_after_the_first_turn(conn: Conn) -> None:
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets, is_enabled, every_change, deleted_at)"
        " values ('INVOICE', '{UPDATE}', '', '', '', true, false, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, false, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, true, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, false, now())"
    )

    rows = await conn.fetch("select missed_since from webhooks order by id")
    assert [row["missed_since"] for row in rows] == [None, 1, None, None]
    assert await conn.fetchval("select nextval('missed_changes_turn')") == 2
