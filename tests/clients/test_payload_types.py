"""The types of bodies: tsc and pydantic take real bodies of generated queries of every type, and refuse others."""

import random
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import BaseModel, ValidationError

from app.auth.viewers import OPERATOR
from app.kernel.parsed_json import JsonObject
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.reader import Reader
from schema.payload_types.language import TypesLanguage
from schema.payload_types.shapes import pascal_case
from schema.stored.envelope import build_body
from schema.stored.execute import render_stored_query
from schema.stored.json_schema import payload_schema
from schema.stored.validate import StoredQuery, stored_query
from schema.webhook_queries.payload_types import payload_types
from tests.builders.deliveries import create_subscription
from tests.builders.difficult_sales import create_difficult_sales, entity_id
from tests.clients import CLIENTS, needs_node_packages
from tests.support.documents import SEED, generated_queries, number_of
from tests.support.json_schemas import instance
from tests.support.platform import settings_for

#: Of each type; 30 in the long form.
QUERIES = min(30, number_of(16))
#: Some are too deep or too large for a stored query.
EXAMPLES = QUERIES + 15
NAME = "Body"
#: Of no entity: what a `destroy` tells of.
GONE = 10**9
#: GraphQL names that Python or pydantic needs for itself.
AWKWARD = (
    "__typename from: id json: id model_x: id _a: id a: id date: createdAt copy: legacyId class: totalCents"
    " lineItems { other: quantity } more: lineItems { quantity }"
)
WRONG: list[JsonObject] = [
    {"type": "variant.update"},
    {"sequence": "x"},
    {"payload": {"data": {"node": {"nope": 1}}}},
    {"id": None},
]


def queries_of(klass: WebhookKlass) -> list[StoredQuery]:
    queries = list(generated_queries(klass, EXAMPLES)[:QUERIES])
    assert len(queries) == QUERIES
    if klass is WebhookKlass.INVOICE:
        text = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {AWKWARD} }} }} }}"
        queries.append(stored_query(schema._schema, text, klass))
    return queries


def model_of(shape: dict[str, Any], klass: WebhookKlass) -> type[BaseModel]:
    module = ModuleType("generated")
    exec(payload_types(shape, klass, TypesLanguage.PYTHON, NAME), module.__dict__)
    model: type[BaseModel] = module.__dict__[NAME]
    return model


async def create_operational_events(conn: asyncpg.Connection) -> list[int]:
    """One about a webhook and one of its events, and one about none."""
    webhook = await create_subscription(conn, "https://hooks.example.com/in")
    sql = """
        insert into operational_events (webhook_id, kind, webhook_event_id, reason)
        values ($1, 'EXHAUSTED', 1, 'No retries are left.'), (null, 'PUBLISH_FAILED', null, 'It was too large.')
        returning id
    """
    return [row["id"] for row in await conn.fetch(sql, webhook.id)]


def bodies_of(klass: WebhookKlass, results: dict[int, bytes], *, include_previous: bool) -> Iterator[bytes]:
    """Build what would be posted of each result, as a sender does. Some have no former payload, and some have one."""
    former: bytes | None = b""
    for number, (entity, result) in enumerate(results.items(), 1):
        due = DueEvent(
            id=WebhookEventId(number),
            webhook_id=WebhookId(1),
            type=klass.value,
            entity_type=klass.entity_type,
            entity_id=entity,
            event_name="destroy" if entity == GONE else ("create", "update", "test")[number % 3],
            attempt=1,
            changed={"added": ["lineItems"], "updated": [], "removed": [], **({"cut": True} if number % 2 else {})},
            changed_at=datetime.now(UTC),
            first_attempted_at=datetime.now(UTC),
            body=result,
            url=None,
            headers=None,
            secrets=b"",
            timeout_s=1,
            max_retries=0,
            previous=former if include_previous else None,
        )
        yield build_body(due, "V2ViaG9va0V2ZW50LTE=")
        former = result


def typescript(shape: JsonObject, klass: WebhookKlass, bodies: list[bytes]) -> str:
    """A program with the types, and each body as a constant of them."""
    constants = [f"export const body{n}: {NAME} = {body.decode()};\n" for n, body in enumerate(bodies)]
    return payload_types(shape, klass, TypesLanguage.TYPESCRIPT, NAME) + "".join(constants)


def errors_of_types(folder: Path) -> dict[str, str]:
    """Compile all programs of a folder at once; an error of each file that has some."""
    command = [str(CLIENTS / "node_modules/.bin/tsc"), "--strict", "--noEmit", "--target", "es2022", "--lib", "es2022"]
    files = sorted(path.name for path in folder.glob("*.ts"))
    done = subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)
    errors = {line.partition("(")[0]: line for line in done.stdout.splitlines() if not line.startswith(" ")}
    assert bool(done.returncode) == bool(errors), done
    return errors


@needs_node_packages
async def test_types_take_real_bodies_of_many_queries_of_every_type(conn: asyncpg.Connection, tmp_path: Path) -> None:
    chance = random.Random(SEED)
    sales, operational = await create_difficult_sales(conn), await create_operational_events(conn)
    context = Context.for_rendering(Reader(conn), OPERATOR, settings_for("postgresql://unused"))
    counts = dict.fromkeys(WebhookKlass, 0)

    for klass in WebhookKlass:
        is_operational = klass is WebhookKlass.OPERATIONAL_EVENT
        ids = operational if is_operational else [entity_id(sale, klass.entity_type) for sale in sales]
        for number, query in enumerate(queries_of(klass)):
            include_previous = number % 2 == 1
            shape = payload_schema(schema._schema, query, klass, include_previous=include_previous)
            results = await render_stored_query(schema, query, [*ids, GONE], context)
            bodies = list(bodies_of(klass, results, include_previous=include_previous))
            bodies += [orjson.dumps(instance(shape, chance)) for _ in range(2)]
            model = model_of(shape, klass)
            for body in bodies:
                made = model.model_validate_json(body)
                assert made.model_dump(by_alias=True).keys() == orjson.loads(body).keys()
            (tmp_path / f"{klass.value.lower()}_{number}.ts").write_text(typescript(shape, klass, bodies))
            counts[klass] += 1

    assert errors_of_types(tmp_path) == {}
    assert min(counts.values()) >= QUERIES


def invoice_shape() -> dict[str, Any]:
    return payload_schema(schema._schema, stored_query(schema._schema, "", WebhookKlass.INVOICE), WebhookKlass.INVOICE)


@pytest.mark.parametrize("wrong", WRONG)
def test_pydantic_models_refuse_other_bodies(wrong: JsonObject) -> None:
    shape = invoice_shape()
    model, right = model_of(shape, WebhookKlass.INVOICE), instance(shape, random.Random(SEED))

    assert model.model_validate(right)
    with pytest.raises(ValidationError):
        model.model_validate({**right, **wrong})


@needs_node_packages
def test_tsc_refuses_other_bodies(tmp_path: Path) -> None:
    shape = invoice_shape()
    right = instance(shape, random.Random(SEED))
    for number, other in enumerate([{}, *WRONG]):
        program = typescript(shape, WebhookKlass.INVOICE, [orjson.dumps({**right, **other})])
        (tmp_path / f"other_{number}.ts").write_text(program)

    assert errors_of_types(tmp_path).keys() == {f"other_{number + 1}.ts" for number in range(len(WRONG))}


@pytest.mark.parametrize(
    ("text", "name"), [("erp-invoices", "ErpInvoices"), ("ERP invoices (new)", "ErpInvoicesNew"), ("2nd", "Webhook2nd")]
)
def test_a_name_of_a_type_is_one(text: str, name: str) -> None:
    assert pascal_case(text) == name
