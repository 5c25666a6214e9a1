"""`tellgraph doctor`: a line for each part, and the cure of what is wrong."""

import json
import os
import subprocess
from ipaddress import ip_network
from pathlib import Path

import asyncpg
import pytest

from app.auth.secrets import box_of
from app.settings import Settings
from app.tools.doctor.finding import Finding, State
from app.tools.doctor.findings import examine
from app.webhooks.services.webhooks import HEADERS
from tests.builders.invoices import create_invoice
from tests.support.database import with_database
from tests.support.forked_commands import run_command
from tests.support.outbox import running_publisher
from tests.support.platform import SECRET_KEY, settings_for

OTHER_KEY = "A" * 43 + "="


async def found(settings: Settings) -> dict[str, Finding]:
    return {one.subject: one for one in await examine(settings, is_embedded=False)}


def states(findings: dict[str, Finding], *but: str) -> set[State]:
    """The states of all findings but these. The tests' role is a superuser, which is worth a warning."""
    return {one.state for name, one in findings.items() if name not in ("Role", *but)}


async def test_all_is_well(database_url: str, redis_url: str) -> None:
    findings = await found(settings_for(database_url, redis_url))

    assert list(findings) == [
        *("PostgreSQL", "Clock", "Migration", "Triggers", "Role", "Secret key", "Queue", "Webhooks", "Redis", "Egress")
    ]
    assert states(findings) == {State.OK}
    assert (findings["Role"].state, findings["Role"].message) == (State.WARNING, "it is a superuser.")


@pytest.mark.parametrize(
    "sql",
    [
        "alter table invoices disable trigger capture_update",
        "alter table invoices enable trigger capture_applied",
        "drop trigger capture_truncate on invoices",
        # Its changes would go unseen.
        "alter table invoices add column colour text",
    ],
)
async def test_triggers_that_miss_changes(
    conn: asyncpg.Connection, database_url: str, redis_url: str, sql: str
) -> None:
    await conn.execute(sql)

    findings = await found(settings_for(database_url, redis_url))

    triggers = findings["Triggers"]
    assert (triggers.state, triggers.cure) == (State.WRONG, "Run `tellgraph migrate`.")
    assert "on invoices:" in triggers.message
    assert states(findings, "Triggers") == {State.OK}


async def test_a_role_that_does_not_own_the_tables(conn: asyncpg.Connection, database_url: str, redis_url: str) -> None:
    role = f"doctor_{os.getpid()}"
    await conn.execute(
        f"create role {role} login password 'x'; grant pg_read_all_data to {role};"
        f" grant usage on schema public to {role}"
    )
    try:
        as_role = database_url.replace(database_url.split("//")[1].split("@")[0], f"{role}:x")
        findings = await found(settings_for(as_role, redis_url))
    finally:
        await conn.execute(f"drop owned by {role}; drop role {role}")

    assert findings["Role"].state is State.WRONG
    assert str(findings["Role"].cure).startswith("`grant ")
    assert states(findings) == {State.OK}


async def test_a_secret_key_that_opens_nothing(conn: asyncpg.Connection, database_url: str, redis_url: str) -> None:
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe("legacyId")
    right = settings_for(database_url, redis_url)
    row = await conn.fetchval("select id from webhooks")
    sealed = box_of(right).seal({}, purpose=HEADERS, row=row)
    await conn.execute("update webhooks set headers = $1", sealed)

    fits = await found(right)
    wrong = await found(right.model_copy(update={"secret_key": OTHER_KEY}))

    assert fits["Secret key"].state is State.OK
    assert wrong["Secret key"].state is State.WRONG
    assert "TELLGRAPH_SECRET_KEY_PREVIOUS" in str(wrong["Secret key"].cure)


async def test_work_that_nobody_does(conn: asyncpg.Connection, database_url: str, redis_url: str) -> None:
    await create_invoice(conn)
    await conn.execute("update change_events set recorded_at = now() - interval '2 hours'")

    findings = await found(settings_for(database_url, redis_url))

    assert findings["Queue"].state is State.WRONG
    assert findings["Queue"].message.startswith("the oldest change has waited 720")
    assert "tellgraph worker" in str(findings["Queue"].cure)


async def test_webhooks_that_fail_are_worth_a_look(conn: asyncpg.Connection, database_url: str, redis_url: str) -> None:
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe("legacyId")
    await conn.execute("update webhooks set is_failing = true, failing_since = now()")

    webhooks = (await found(settings_for(database_url, redis_url)))["Webhooks"]

    assert (webhooks.state, webhooks.message) == (State.WARNING, "1; 1 fail, 0 were disabled, 0 are broken.")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"allow_http": True, "egress_allow_sellers": ()},
            "webhooks may reach public addresses by http:// too; the operator's also 127.0.0.0/8 by both.",
        ),
        (
            {"egress_allow": (), "egress_allow_sellers": (ip_network("::/0"),)},
            "webhooks may reach public addresses by https:// alone; sellers' also ::/0 by both.",
        ),
    ],
)
async def test_what_webhooks_may_reach(
    database_url: str, redis_url: str, changed: dict[str, object], message: str
) -> None:
    settings = settings_for(database_url, redis_url).model_copy(update=changed)

    egress = (await found(settings))["Egress"]

    assert (egress.state, egress.message) == (State.WARNING, message)


async def test_servers_that_are_away() -> None:
    findings = await found(settings_for("postgresql://127.0.0.1:1/shop", "redis://127.0.0.1:1/0"))

    assert {name: one.state for name, one in findings.items()} == {
        "PostgreSQL": State.WRONG,
        "Database": State.UNKNOWN,
        "Redis": State.WRONG,
        "Egress": State.OK,
    }
    assert findings["PostgreSQL"].message == "PostgreSQL at 127.0.0.1:1/shop can't be reached: Connection refused."


async def test_a_database_that_must_be_migrated(conn: asyncpg.Connection, database_url: str, redis_url: str) -> None:
    name = f"{database_url.rsplit('/', 1)[1]}_empty"
    await conn.execute(f'create database "{name}"')
    try:
        findings = await found(settings_for(with_database(database_url, name), redis_url))
    finally:
        await conn.execute(f'drop database "{name}" with (force)')

    assert findings["Migration"].state is State.WRONG
    assert findings["Migration"].message.endswith("run `tellgraph migrate` first.")
    assert "Queue" not in findings


def doctor(*options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **{f"TELLGRAPH_{name.upper()}": value for name, value in settings.items()}}
    return run_command(["doctor", *options], environment)


def test_the_command_marks_each_line_and_fails_when_something_is_wrong(database_url: str, redis_url: str) -> None:
    servers = {"database_url": database_url, "redis_url": redis_url, "secret_key": SECRET_KEY}

    well, wrong = doctor(**servers), doctor(**{**servers, "redis_url": "redis://127.0.0.1:1/0"})

    assert (well.returncode, well.stderr) == (0, "")
    assert {line[0] for line in well.stdout.splitlines()} == {"✓", "!"}
    assert wrong.returncode == 1
    (line,) = [line for line in wrong.stdout.splitlines() if line.startswith("✗")]
    assert line.startswith(
        "✗ Redis        can't be reached: Error 111 connecting to 127.0.0.1:1. Connection refused. → "
    )


def test_the_command_speaks_json_of_wrong_settings(data_dir: Path) -> None:
    done = doctor("--json", data_dir=str(data_dir), port="abc", prot="1")

    assert (done.returncode, done.stderr) == (1, "")
    answer = json.loads(done.stdout)
    assert answer["ok"] is False
    assert [(one["subject"], one["state"]) for one in answer["findings"]] == [
        ("Settings", "wrong"),
        ("Settings", "warning"),
        ("Servers", "unknown"),
    ]
    assert answer["findings"][0]["message"] == "TELLGRAPH_PORT: 'abc' is not a whole number from 0 to 65535."


def test_the_command_makes_no_servers_of_its_own(data_dir: Path) -> None:
    done = doctor(data_dir=str(data_dir))

    assert done.returncode == 0
    assert done.stdout.splitlines()[1].startswith(f"– Servers      There are no servers in {data_dir} yet")
    assert not data_dir.exists()
