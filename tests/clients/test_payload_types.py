"""The types of bodies: tsc and pydantic take real bodies of generated queries of every type, and refuse others."""

import random
import subprocess
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import BaseModel, ValidationError

from app.auth.viewers import OPERATOR
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.context import Context
from schema.engine.reader import Reader
from schema.payload_types.language import TypesLanguage
from schema.payload_types.shapes import pascal_case
from schema.stored.execute import execute_stored_query
from schema.stored.json_schema import payload_schema
from schema.stored.validate import StoredQuery, stored_query
from schema.webhook_queries.payload_types import payload_types
from tests.builders.difficult_sales import create_difficult_sales, entity_id
from tests.clients import CLIENTS, needs_node_packages
from tests.support.documents import SEED, generated_queries
from tests.support.json_schemas import faults, instance
from tests.support.platform import settings_for

QUERIES = 30
NAME = "Body"
#: GraphQL names that Python or pydantic needs for itself.
AWKWARD = (
    "__typename from: id json: id model_x: id _a: id a: id date: createdAt copy: legacyId class: totalCents"
    " lineItems { other: quantity } more: lineItems { quantity }"
)


def shapes_of(klass: WebhookKlass) -> list[tuple[StoredQuery, dict[str, Any]]]:
    queries = list(islice(generated_queries(klass), QUERIES))
    if klass is WebhookKlass.INVOICE:
        text = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ {AWKWARD} }} }} }}"
        queries.append(stored_query(schema._schema, text, klass))
    return [
        (query, payload_schema(schema._schema, query, klass, include_previous=number % 2 == 1))
        for number, query in enumerate(queries)
    ]


def model_of(shape: dict[str, Any], klass: WebhookKlass) -> type[BaseModel]:
    module = ModuleType("generated")
    exec(payload_types(shape, klass, TypesLanguage.PYTHON, NAME), module.__dict__)
    model: type[BaseModel] = module.__dict__[NAME]
    return model


@pytest.mark.parametrize("klass", WebhookKlass)
async def test_pydantic_models_take_real_bodies(conn: asyncpg.Connection, klass: WebhookKlass) -> None:
    chance = random.Random(SEED)
    sales = await create_difficult_sales(conn) if klass is not WebhookKlass.OPERATIONAL_EVENT else []
    count = 0

    for query, shape in shapes_of(klass):
        model = model_of(shape, klass)
        context = Context.for_rendering(Reader(conn), OPERATOR, settings_for("postgresql://unused"))
        results = [
            await execute_stored_query(schema, query, entity_id(sale, klass.entity_type), context) for sale in sales
        ]
        bodies = [{**instance(shape, chance), "payload": orjson.loads(result)} for result in results]
        for body in [*bodies, *(instance(shape, chance) for _ in range(3))]:
            assert faults(shape, body) == []
            made = model.model_validate_json(orjson.dumps(body))
            assert made.model_dump(by_alias=True).keys() == body.keys()
            count += 1

    assert count > QUERIES


@pytest.mark.parametrize(
    "wrong", [{"type": "variant.update"}, {"sequence": "x"}, {"payload": {"data": {"node": {"nope": 1}}}}, {"id": None}]
)
def test_pydantic_models_refuse_other_bodies(wrong: dict[str, Any]) -> None:
    query = stored_query(schema._schema, "", WebhookKlass.INVOICE)
    shape = payload_schema(schema._schema, query, WebhookKlass.INVOICE)
    model, right = model_of(shape, WebhookKlass.INVOICE), instance(shape, random.Random(SEED))

    assert model.model_validate(right)
    with pytest.raises(ValidationError):
        model.model_validate({**right, **wrong})


def compiled(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(CLIENTS / "node_modules/.bin/tsc"), "--strict", "--noEmit", "--target", "es2022"]
    files = sorted(map(str, folder.glob("*.ts")))
    return subprocess.run([*command, *files], cwd=folder, capture_output=True, text=True, check=False)


@needs_node_packages
def test_tsc_takes_generated_bodies_and_refuses_others(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    for klass in WebhookKlass:
        for number, (_, shape) in enumerate(shapes_of(klass)):
            types = payload_types(shape, klass, TypesLanguage.TYPESCRIPT, NAME)
            bodies = [orjson.dumps(instance(shape, chance)).decode() for _ in range(3)]
            consts = [f"export const body{n}: {NAME} = {body};\n" for n, body in enumerate(bodies)]
            (tmp_path / f"{klass.value.lower()}_{number}.ts").write_text(types + "".join(consts))

    right = compiled(tmp_path)
    for path in tmp_path.glob("*.ts"):
        path.unlink()
    query = stored_query(schema._schema, "", WebhookKlass.INVOICE)
    types = payload_types(
        payload_schema(schema._schema, query, WebhookKlass.INVOICE),
        WebhookKlass.INVOICE,
        TypesLanguage.TYPESCRIPT,
        NAME,
    )
    (tmp_path / "wrong.ts").write_text(f'{types}\nexport const type: {NAME}["type"] = "variant.update";\n')
    wrong = compiled(tmp_path)

    assert (right.returncode, right.stdout) == (0, "")
    assert wrong.returncode != 0
    assert "TS2322" in wrong.stdout


@pytest.mark.parametrize(
    ("text", "name"), [("erp-invoices", "ErpInvoices"), ("ERP invoices (new)", "ErpInvoicesNew"), ("2nd", "Webhook2nd")]
)
def test_a_name_of_a_type_is_one(text: str, name: str) -> None:
    assert pascal_case(text) == name
