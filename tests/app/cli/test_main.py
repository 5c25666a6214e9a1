import asyncio
import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

TELLGRAPH = Path(sys.executable).with_name("tellgraph")


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TELLGRAPH_DATABASE_URL": database_url, "TELLGRAPH_REDIS_URL": "redis://unused"}
    return subprocess.run(
        [TELLGRAPH, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


async def test_seeds_once_and_says_how_to_go_on(database_url: str) -> None:
    first = run(database_url, "seed")
    second = run(database_url, "seed")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Seeded 5 sellers, 20 adverts with 40 variants, 24 orders")
    assert second.returncode == 1
    assert "--again" in second.stderr


@pytest.mark.parametrize("command", [("worker",), ("serve",), ("keys", "create", "--name", "me")])
async def test_a_database_of_an_older_version_ends_the_command(
    conn: asyncpg.Connection, database_url: str, command: tuple[str, ...]
) -> None:
    await conn.execute("update alembic_version set version_num = '0001'")

    done = await asyncio.to_thread(run, database_url, *command)

    assert done.returncode == 1
    assert done.stderr.startswith("tellgraph: The database is at revision 0001 and must be at ")
    assert "Traceback" not in done.stderr


async def test_a_newer_database_is_not_migrated_and_is_warned_of(conn: asyncpg.Connection, database_url: str) -> None:
    await conn.execute("update alembic_version set version_num = '9999'")

    migrated = await asyncio.to_thread(run, database_url, "migrate")
    created = await asyncio.to_thread(run, database_url, "keys", "create", "--name", "me")

    assert migrated.returncode == 1
    words = "tellgraph: The database is at revision 9999, which this version doesn't know: use a newer one."
    assert migrated.stderr.split() == words.split()
    assert (created.returncode, created.stdout[:4]) == (0, "tgk_")
    assert created.stderr.startswith("tellgraph: The database is at revision 9999, and this version knows up to ")


@pytest.mark.parametrize("command", ["demo", "listen", "seed"])
def test_commands_explain_themselves(command: str) -> None:
    done = subprocess.run([TELLGRAPH, command, "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
