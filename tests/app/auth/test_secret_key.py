"""The key that secrets are encrypted under is changed while they are in use."""

import asyncio
import base64
import os
import subprocess

import asyncpg
import pytest

from app.auth.secret_key import BATCH_SIZE, SEALED, RotationBatch, count_secrets, rotate_secret_key
from app.auth.secrets import SecretBox
from app.db.pool import create_database
from app.webhooks.services.webhooks import HEADERS, SECRETS
from tests.builders.deliveries import SIGNING_SECRET, create_subscription
from tests.support.forked_commands import run_command
from tests.support.platform import SECRET_KEY
from tests.support.waiting import LOCK_IS_AWAITED, until

NEW_KEY = base64.b64encode(b"n" * 32).decode()
BOTH = SecretBox(NEW_KEY, [SECRET_KEY])


async def fill(conn: asyncpg.Connection, webhooks: int) -> None:
    """Webhooks with headers, and a remembered answer."""
    old = SecretBox(SECRET_KEY)
    await create_subscription(conn, "http://127.0.0.1:9/", headers={"X-A": "1"})
    for _ in range(webhooks - 1):
        await create_subscription(conn, "http://127.0.0.1:9/")
    await conn.execute(
        "insert into idempotency_keys (actor, key, field, request_hash, sealed) values ('operator', 'k', 'f', '', $1)",
        old.seal({"hmac_key": "x"}, purpose="idempotency.answer", row=("operator", "k", "f")),
    )


async def rotate(database_url: str, box: SecretBox) -> list[RotationBatch]:
    async with create_database(database_url, pool_size=2) as database:
        return [batch async for batch in rotate_secret_key(database, box)]


def rotated_by_command(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return run_command(["keys", "rotate-secrets"], environment)


async def test_every_sealed_column_of_the_database_is_known(conn: asyncpg.Connection) -> None:
    rows = await conn.fetch(
        "select table_name, column_name from information_schema.columns where table_schema = 'public'"
        " and data_type = 'bytea' and not (select relispartition from pg_class where oid = table_name::text::regclass)"
        " order by 1, 2"
    )

    unsealed = {
        ("api_keys", "hash"),
        ("delivery_attempts", "response_body"),
        ("idempotency_keys", "request_hash"),
        ("payloads", "body"),
        ("payloads", "digest"),
        ("webhook_events", "payload_digest"),
        ("webhook_events", "previous_digest"),
        ("webhook_given", "payload_digest"),
    }
    assert {tuple(row) for row in rows} - unsealed == {(column.table, column.column) for column, _ in SEALED}


async def test_all_values_open_under_the_new_key_alone_afterwards(conn: asyncpg.Connection, database_url: str) -> None:
    await fill(conn, BATCH_SIZE + 1)

    first = await rotate(database_url, BOTH)
    second = await rotate(database_url, BOTH)

    assert [(batch.looked_at, batch.changed) for batch in first] == [(BATCH_SIZE, BATCH_SIZE), (1, 1), (1, 1), (1, 1)]
    assert sum(batch.changed for batch in second) == 0
    new = SecretBox(NEW_KEY)
    secrets = await conn.fetch("select secrets, id from webhooks")
    opened = [new.open(row[0], purpose=SECRETS, row=row[1]) for row in secrets]
    assert opened == [[SIGNING_SECRET]] * (BATCH_SIZE + 1)
    row = await conn.fetchrow("select headers, id from webhooks where headers is not null")
    assert row is not None
    assert new.open(row[0], purpose=HEADERS, row=row[1]) == {"X-A": "1"}
    answer = await conn.fetchval("select sealed from idempotency_keys")
    assert new.open(answer, purpose="idempotency.answer", row=("operator", "k", "f")) == {"hmac_key": "x"}


async def test_stopped_midway_it_is_taken_up_again(conn: asyncpg.Connection, database_url: str) -> None:
    await fill(conn, BATCH_SIZE + 1)

    async with create_database(database_url, pool_size=2) as database:
        assert await count_secrets(database) == BATCH_SIZE + 3
        async for _ in rotate_secret_key(database, BOTH):
            break
    rest = await rotate(database_url, BOTH)

    assert sum(batch.looked_at for batch in rest) == BATCH_SIZE + 3
    assert sum(batch.changed for batch in rest) == 3


async def test_a_value_changed_meanwhile_stays_as_changed(conn: asyncpg.Connection, database_url: str) -> None:
    await fill(conn, 1)
    changed = BOTH.seal(["whsec_changed"], purpose=SECRETS, row=1)
    # Changed and not committed when it is read, committed when it is to be replaced.
    writing = conn.transaction()
    await writing.start()
    await conn.execute("update webhooks set secrets = $1", changed)
    async with create_database(database_url, pool_size=2) as database:
        batches = rotate_secret_key(database, BOTH)
        waiting = asyncio.ensure_future(anext(batches))
        await until(lambda: conn.fetchval(LOCK_IS_AWAITED))
        await writing.commit()
        batch = await waiting

    assert (batch.looked_at, batch.changed, batch.unreadable) == (1, 0, 0)
    assert await conn.fetchval("select secrets from webhooks") == changed


async def test_values_that_no_key_opens_are_counted_and_left(conn: asyncpg.Connection, database_url: str) -> None:
    await fill(conn, 1)
    lost = SecretBox(base64.b64encode(b"l" * 32).decode()).seal(["x"], purpose=SECRETS, row=1)
    await conn.execute("update webhooks set secrets = $1", lost)

    batches = await rotate(database_url, BOTH)

    assert [(batch.changed, batch.unreadable) for batch in batches] == [(0, 1), (1, 0), (1, 0)]
    assert await conn.fetchval("select secrets from webhooks") == lost


@pytest.mark.parametrize(("previous", "status"), [(SECRET_KEY, 0), ("", 1)])
async def test_the_command_says_what_it_did(
    conn: asyncpg.Connection, database_url: str, previous: str, status: int
) -> None:
    await fill(conn, 2)
    environment = {
        **os.environ,
        "TELLGRAPH_DATABASE_URL": database_url,
        "TELLGRAPH_REDIS_URL": "redis://unused",
        "TELLGRAPH_SECRET_KEY": NEW_KEY,
        "TELLGRAPH_SECRET_KEY_PREVIOUS": previous,
    }

    done = await asyncio.to_thread(lambda: rotated_by_command(environment))

    assert done.returncode == status, done.stderr
    changed = 4 if status == 0 else 0
    assert done.stdout == f"{changed} values are now encrypted under TELLGRAPH_SECRET_KEY.\n"
    assert ("4 values could not be read" in done.stderr) == (status == 1)
