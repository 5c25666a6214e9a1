"""The last use of a key is stored once a minute for all keys, and costs a request nothing."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg

from app.auth.db.api_keys import ApiKeyId, store_last_uses
from app.auth.key_uses import KeyUses
from app.auth.viewers import create_key
from app.db.pool import Connection, create_database
from tests.support.platform import running_platform, settings_for
from tests.support.waiting import LOCK_IS_AWAITED, until

_LAST_USES = "select name, last_used_at from api_keys order by id"
_TOUCHED = "select xmin::text from api_keys order by id"


async def last_uses(conn: Connection) -> dict[str, datetime | None]:
    return {row["name"]: row["last_used_at"] for row in await conn.fetch(_LAST_USES)}


async def key_ids(conn: Connection) -> list[ApiKeyId]:
    return [ApiKeyId(row["id"]) for row in await conn.fetch("select id from api_keys order by id")]


async def test_a_use_is_stored_when_the_api_ends(conn: Connection, database_url: str) -> None:
    begun = datetime.now(UTC).replace(second=0, microsecond=0)
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        unused = await create_key(conn, name="unused", seller_id=None)
        await create_key(conn, name="refused", seller_id=None)
        await conn.execute("update api_keys set revoked_at = now() where name = 'refused'")
        assert unused
        for _ in range(5):  # By the reference executor, and then by a plan.
            await api.data("{ sellers { nodes { id } } }")
        during = await last_uses(conn)

    after = await last_uses(conn)

    # No request has written anything.
    assert set(during.values()) == {None}
    assert (after["unused"], after["refused"]) == (None, None)
    used = after["the operator's"]
    assert used is not None
    assert begun <= used <= datetime.now(UTC)
    assert (used.second, used.microsecond) == (0, 0)


async def test_uses_are_stored_in_the_background(conn: Connection, database_url: str) -> None:
    await create_key(conn, name="a", seller_id=None)
    (key_id,) = await key_ids(conn)
    uses = KeyUses()

    async with (
        create_database(database_url, pool_size=2) as database,
        uses.stored_regularly(database, every_s=0.01),
    ):
        uses.note(key_id)
        await until(lambda: conn.fetchval("select last_used_at is not null from api_keys"))


async def test_a_minute_is_written_once(conn: Connection) -> None:
    for name in "ab":
        await create_key(conn, name=name, seller_id=None)
    first, second = await key_ids(conn)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    await store_last_uses(conn, {first: at})
    before = [row["xmin"] for row in await conn.fetch(_TOUCHED)]

    # The same minute, an earlier one, and a key that is gone.
    await store_last_uses(conn, {first: at + timedelta(seconds=30)})
    await store_last_uses(conn, {first: at - timedelta(minutes=3), ApiKeyId(99): at})

    assert [row["xmin"] for row in await conn.fetch(_TOUCHED)] == before
    assert await last_uses(conn) == {"a": at.replace(second=0), "b": None}
    await store_last_uses(conn, {second: at, first: at + timedelta(minutes=1)})
    assert await last_uses(conn) == {"a": at.replace(minute=5, second=0), "b": at.replace(second=0)}


async def test_uses_of_a_minute_without_the_database_are_kept(conn: Connection, database_url: str) -> None:
    await create_key(conn, name="a", seller_id=None)
    (key_id,) = await key_ids(conn)
    uses = KeyUses()
    uses.note(key_id)
    async with create_database(database_url, pool_size=2) as database:
        await conn.execute("alter table api_keys rename to elsewhere")
        await uses.store(database)
        await conn.execute("alter table elsewhere rename to api_keys")
        nothing_yet = await last_uses(conn)

        await uses.store(database)

    assert nothing_yet == {"a": None}
    assert (await last_uses(conn))["a"] is not None


async def test_a_thousand_keys_are_stored_in_one_statement(conn: Connection, database_url: str) -> None:
    await conn.execute(
        "insert into api_keys (name, prefix, hash, scopes)"
        " select n::text, 'tgk_', n::text::bytea, '{read}' from generate_series(1, 1000) n"
    )
    uses = KeyUses()
    for key_id in await key_ids(conn):
        uses.note(key_id)

    async with create_database(database_url, pool_size=2) as database:
        await uses.store(database)

    assert await conn.fetchval("select count(distinct xmin::text) from api_keys") == 1
    assert await conn.fetchval("select count(last_used_at) from api_keys") == 1000


async def test_keys_are_locked_in_one_order_so_that_processes_make_no_deadlock(
    conn: Connection, database_url: str
) -> None:
    for name in "abc":
        await create_key(conn, name=name, seller_id=None)
    ids = await key_ids(conn)
    uses = KeyUses()
    for key_id in reversed(ids):
        uses.note(key_id)
    looking = await asyncpg.connect(database_url)
    async with create_database(database_url, pool_size=2) as database:
        async with conn.transaction():
            await conn.execute("select from api_keys where name = 'b' for update")
            storing = asyncio.create_task(uses.store(database))
            await until(lambda: looking.fetchval(LOCK_IS_AWAITED))
            free = await looking.fetch("select name from api_keys for update skip locked")
        await storing
    await looking.close()

    assert [row["name"] for row in free] == ["c"]
    assert None not in (await last_uses(conn)).values()
