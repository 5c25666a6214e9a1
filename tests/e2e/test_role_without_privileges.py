"""Tellgraph's role owns its database, as `docker/postgres-init.sql` makes it, and is no superuser."""

import asyncio
import re
import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from app.db.migrate import migrate
from app.tools.embedded.installation import find_account, postgres_programs
from tests.builders.variants import create_variant
from tests.support.database import with_database
from tests.support.platform import running_platform, settings_for
from tests.support.receiver import Receiver
from tests.support.servers import PrivateServers
from workers.resources import open_resources
from workers.upkeep.retention import apply_retention

INIT = Path(__file__).parents[2] / "docker" / "postgres-init.sql"
QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"


def initialize(server_url: str, directory: Path) -> str:
    """Do what the image of PostgreSQL does with the file when the volume is made; the URL for Tellgraph."""
    password = secrets.token_hex(8)
    (directory / "password").write_text(f"{password}\n", "ascii")
    script = directory / "init.sql"
    script.write_text(INIT.read_text("utf-8").replace("/run/secrets/database_password", str(directory / "password")))
    # As the private servers have both already, the test's are named anew.
    script.write_text(re.sub(r"\btellgraph\b", "guarded", script.read_text()))
    done = subprocess.run(
        [postgres_programs(find_account()) / "psql", "-X", "-v", "ON_ERROR_STOP=1", "-f", script, server_url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(netloc=f"guarded:{password}@127.0.0.1:{parts.port}", path="/guarded"))


async def test_role_of_the_compose_file_migrates_captures_and_delivers(
    private_servers: PrivateServers, receiver: Receiver, tmp_path: Path
) -> None:
    url = initialize(private_servers.database_url, tmp_path)
    await asyncio.to_thread(migrate, url)
    # Again, as at the next version: functions and triggers are made anew.
    await asyncio.to_thread(migrate, url)

    settings = settings_for(url, private_servers.redis_url)
    async with running_platform(settings) as platform:
        variant = await create_variant(platform.conn, count_on_hand=1)
        made = await platform.create_webhook(receiver.url(), QUERY, type="VARIANT", eventNames=["UPDATE"])
        assert made["status"] == 200, made
        await platform.conn.execute("update variants set count_on_hand = 7 where id = $1", variant.id)
        (delivery,) = await receiver.wait_for()
        privileges = await platform.conn.fetchrow(
            "select rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls from pg_roles"
            " where rolname = current_user"
        )
    assert delivery.data == {"node": {"countOnHand": 7}}
    assert privileges is not None
    assert not any(privileges.values())


async def test_role_of_the_compose_file_makes_and_drops_partitions(
    private_servers: PrivateServers, tmp_path: Path
) -> None:
    url = initialize(private_servers.database_url, tmp_path)
    await asyncio.to_thread(migrate, url)
    settings = settings_for(url, private_servers.redis_url, retention_days=10)

    async with open_resources(settings, stopping=asyncio.Event()) as resources:
        await apply_retention(resources)
    conn = await asyncpg.connect(url)
    partitions = await conn.fetchval("select count(*) from pg_inherits where inhparent = 'delivery_attempts'::regclass")
    await conn.close()

    assert partitions > 1


async def test_role_of_the_compose_file_records_what_replication_applies(
    private_servers: PrivateServers, tmp_path: Path
) -> None:
    """A subscription applies rows as the owner of the table does, in a session of this kind."""
    url = initialize(private_servers.database_url, tmp_path)
    await asyncio.to_thread(migrate, url)
    superuser = await asyncpg.connect(with_database(private_servers.database_url, "guarded"))
    conn = await asyncpg.connect(url)
    try:
        variant = await create_variant(conn, count_on_hand=1)
        before = await conn.fetchval("select count(*) from change_events")
        # As an applying process has it: no ordinary trigger fires for such a session.
        await superuser.execute("set session_replication_role = replica")
        await superuser.execute("set role guarded")
        await superuser.execute("update variants set count_on_hand = 8 where id = $1", variant.id)
        recorded = await conn.fetch("select * from change_events offset $1", before)
    finally:
        await conn.close()
        await superuser.close()

    assert ("Variant", variant.id) in {(row["entity_type"], row["entity_id"]) for row in recorded}


async def test_role_of_the_compose_file_enters_no_other_database(
    private_servers: PrivateServers, tmp_path: Path
) -> None:
    url = initialize(private_servers.database_url, tmp_path)

    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="permission denied for database"):
        await asyncpg.connect(with_database(url, "postgres"))
