"""What the README says is so: settings, commands, GraphQL, SQL."""

import json
import re
from pathlib import Path
from typing import Any

import typer.main
from graphql import parse, validate
from typer.core import TyperGroup

from app.cli.commands import app
from app.db.pool import Connection
from app.settings import Settings
from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from schema import schema
from schema.stored.validate import stored_query

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def requests() -> list[dict[str, Any]]:
    """Bodies that are sent by curl."""
    return [json.loads(text) for text in re.findall(r"<<'JSON'\n(.*?)^JSON$", README, re.MULTILINE | re.DOTALL)]


def shown(default: object) -> str:
    if default is None or default == ():
        return "–"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_settings_table_is_that_of_the_settings() -> None:
    wanted = [
        f"| `TELLGRAPH_{name.upper()}` | {shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]

    assert re.findall(r"^\| `TELLGRAPH_.*\|$", README, re.MULTILINE) == wanted


def test_graphql_fits_the_schema() -> None:
    documents = [*blocks("graphql"), *(request["query"] for request in requests())]

    errors = [error for document in documents for error in validate(schema._schema, parse(document))]

    assert len(documents) == 5
    assert errors == []


def test_stored_queries_can_be_registered() -> None:
    attributes = [given["attributes"] for one in requests() if (given := one.get("variables"))]

    for each in attributes:
        stored_query(schema._schema, each["queryString"], WebhookKlass(each["type"]))
    stored_query(schema._schema, blocks("graphql")[1], WebhookKlass.INVOICE)

    assert len(attributes) == 2


def test_commands_exist() -> None:
    named = re.findall(r"^\| `tellgraph ([a-z -]+)` \|", README, re.MULTILINE)

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    known = [
        f"{name} {below}" if below else name
        for name, command in root.commands.items()
        for below in (command.commands if isinstance(command, TyperGroup) else [""])
    ]

    assert sorted(named) == sorted(known)


def test_states_and_kinds_are_all_explained() -> None:
    explained = re.findall(r"^\| `([A-Z_]+)` \| \w", README, re.MULTILINE)

    assert sorted(explained) == sorted([*WebhookEventState, *OperationalEventKind])


async def test_sql_to_monitor_runs(conn: Connection) -> None:
    statements = [statement for block in blocks("sql") for statement in block.split(";") if statement.strip()]

    results = [await conn.fetch(statement) for statement in statements]

    assert len(results) == 7
