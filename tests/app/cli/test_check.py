"""`tellgraph check`: the webhooks that a schema would break, by name, and the exit status."""

import json
import os
import subprocess
from pathlib import Path

import asyncpg
import pytest

from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities import global_ids
from tests.support.forked_commands import run_command
from tests.support.outbox import running_publisher
from tests.support.platform import SECRET_KEY


@pytest.fixture
async def webhook_id(conn: asyncpg.Connection, database_url: str) -> int:
    async with running_publisher(conn, database_url) as publisher:
        await publisher.subscribe("sku", klass=WebhookKlass.VARIANT)
        return await publisher.subscribe("statusFlags", description="for the ERP")


def check(database_url: str, *options: str) -> subprocess.CompletedProcess[str]:
    variables = {"TELLGRAPH_DATABASE_URL": database_url, "TELLGRAPH_REDIS_URL": "redis://127.0.0.1:9/0"}
    variables["TELLGRAPH_SECRET_KEY"] = SECRET_KEY
    return run_command(["check", *options], {**os.environ, **variables, "COLUMNS": "200"})


def without_status_flags(folder: Path) -> str:
    path = folder / "schema.graphql"
    path.write_text(
        schema.as_str().replace("statusFlags: [InvoiceStatusFlagEnum!]!", "flags: [InvoiceStatusFlagEnum!]!")
    )
    return str(path)


def test_all_is_well_with_this_version(database_url: str, webhook_id: int) -> None:
    done = check(database_url)

    assert (done.returncode, done.stdout, done.stderr) == (0, "0 of 2 webhooks would break.\n", "")


def test_names_what_another_schema_would_break(database_url: str, webhook_id: int, tmp_path: Path) -> None:
    done = check(database_url, "--against", without_status_flags(tmp_path))

    assert done.returncode == 1
    assert done.stdout.endswith("1 of 2 webhooks would break.\n")
    (row,) = [line for line in done.stdout.splitlines() if "for the ERP" in line]
    cells = [cell.strip() for cell in row.strip("│").split("│")]
    global_id = global_ids.encode("Webhook", webhook_id)
    assert cells[:6] == [str(webhook_id), global_id, "INVOICE", "operator", "yes", "for the ERP"]
    assert cells[6].startswith("queryString: line 1, column")


def test_speaks_json(database_url: str, webhook_id: int, tmp_path: Path) -> None:
    done = check(database_url, "--json", "--against", without_status_flags(tmp_path))

    assert done.returncode == 1
    answer = json.loads(done.stdout)
    (broken,) = answer["broken"]
    assert answer["checked"] == 2
    assert broken.pop("message").startswith("queryString: line 1, column")
    assert broken == {
        "id": webhook_id,
        "globalId": global_ids.encode("Webhook", webhook_id),
        "type": "INVOICE",
        "seller": None,
        "enabled": True,
        "description": "for the ERP",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"type Query {", "This is not a GraphQL schema: Syntax Error"), (b"\xff\xfe", "can't decode")],
)
def test_a_file_that_is_no_schema_is_not_taken_for_one_that_breaks_webhooks(
    database_url: str, webhook_id: int, tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "schema.graphql"
    path.write_bytes(content)

    done = check(database_url, "--against", str(path))

    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_can_not_be_read_is_not_taken_for_broken_webhooks() -> None:
    done = check("postgresql://127.0.0.1:9/nowhere")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("tellgraph: ")
    assert "Traceback" not in done.stderr
