import asyncio
import os
import subprocess
import sys

import asyncpg
import pytest

from app.db.migrate import upgrade
from tests.support.database import with_database
from tests.support.forked_commands import run_command
from tests.support.platform import SECRET_KEY


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "TELLGRAPH_DATABASE_URL": database_url,
        "TELLGRAPH_REDIS_URL": "redis://unused",
        "TELLGRAPH_SECRET_KEY": SECRET_KEY,
        "TELLGRAPH_PORT": "0",
    }
    return run_command(arguments, environment)


async def test_seeds_once_and_says_how_to_go_on(database_url: str) -> None:
    first = run(database_url, "seed")
    second = run(database_url, "seed")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Seeded 5 sellers, 21 adverts with 41 variants, 30 orders")
    assert second.returncode == 1
    assert "--again" in second.stderr


@pytest.mark.parametrize("command", [("worker",), ("serve",), ("keys", "create", "--name", "me")])
async def test_a_database_of_an_older_version_ends_the_command(
    conn: asyncpg.Connection, database_url: str, command: tuple[str, ...]
) -> None:
    await conn.execute("update alembic_version set version_num = '0001_catalogue'")

    done = await asyncio.to_thread(run, database_url, *command)

    assert done.returncode == 1
    assert done.stderr.startswith("tellgraph: The database is at revision 0001_catalogue and must be at ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", [("migrate",), ("worker",), ("serve",), ("keys", "create", "--name", "me")])
async def test_a_database_of_a_newer_version_ends_the_command(
    conn: asyncpg.Connection, database_url: str, command: tuple[str, ...]
) -> None:
    await conn.execute("update alembic_version set version_num = '9999_newer'")

    done = await asyncio.to_thread(run, database_url, *command)

    assert (done.returncode, done.stdout) == (1, "")
    assert " ".join(done.stderr.split()) == (
        "tellgraph: The database is at revision 9999_newer, which this version doesn't know:"
        " use a newer version, or a new database if this one was made before 0.1.0."
    )
    assert await conn.fetchval("select version_num from alembic_version") == "9999_newer"


@pytest.mark.parametrize("command", ["demo", "listen", "seed", "keys create"])
def test_commands_explain_themselves(command: str) -> None:
    done = run("postgresql://unused", *command.split(), "--help")

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    # A flag takes no value, and does not look as if it did.
    assert "<bool>" not in done.stdout


@pytest.mark.parametrize("command", ["migrate", "seed", "keys create --name me", "keys rotate-secrets"])
def test_a_server_that_is_away_is_one_line(command: str) -> None:
    done = run("postgresql://tellgraph:geheim@127.0.0.1:1/shop", *command.split())

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "tellgraph: PostgreSQL at 127.0.0.1:1/shop can't be reached: Connection refused.\n"


@pytest.mark.parametrize("command", ["migrate", "serve", "worker"])
async def test_a_database_that_is_not_there_is_one_line(database_url: str, command: str) -> None:
    done = await asyncio.to_thread(run, f"{database_url}_gone", command)

    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("tellgraph: PostgreSQL")
    assert line.endswith('_gone" does not exist.')


@pytest.mark.parametrize("revision", ["head", "0001_catalogue"])
async def test_a_migration_that_waits_for_a_lock_is_one_line(
    conn: asyncpg.Connection, database_url: str, revision: str
) -> None:
    """Whether the lock is in the way of a revision or of the triggers."""
    name = f"{database_url.rsplit('/', 1)[1]}_locked"
    await conn.execute(f'create database "{name}"')
    url = with_database(database_url, name)
    try:
        await asyncio.to_thread(upgrade, url, revision)
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute("lock table sellers")
            done = await asyncio.to_thread(run, url, "migrate")
        await other.close()
    finally:
        await conn.execute(f'drop database "{name}" with (force)')

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "tellgraph: Another transaction holds a lock on a table for too long: wait for its end, and run this again.\n"
    )


@pytest.mark.parametrize("command", ["--version", "migrate", "seed", "doctor", "demo"])
def test_a_command_reads_what_it_needs(command: str) -> None:
    """The schema, the API and the worker take seconds to be read, and these commands do without."""
    code = """
import sys
from app.cli.main import main
sys.argv = ["tellgraph", sys.argv[1], "--help"]
try:
    main()
finally:
    assert not {"schema", "workers", "app.main"} & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout or done.stdout.startswith("tellgraph ")


def test_a_misspelt_command_is_told_what_is_meant() -> None:
    done = run("postgresql://unused", "webhoks")

    assert done.returncode == 2
    assert "Did you mean 'webhooks'?" in " ".join(done.stderr.split())
