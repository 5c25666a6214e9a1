"""ajv compiles the JSON Schema of every webhook's body with `strict: true`."""

import json
import subprocess
from typing import Any

import pytest

from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.stored.json_schema import payload_schema
from tests.clients import CLIENTS, needs_node_packages
from tests.support.documents import generated_queries


def compiled(schemas: list[dict[str, Any]]) -> Any:
    done = subprocess.run(
        ["node", "payload_schemas.mjs"],
        cwd=CLIENTS,
        input=json.dumps(schemas),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@needs_node_packages
@pytest.mark.parametrize("klass", WebhookKlass)
def test_strict_ajv_takes_the_schema_of_every_payload(klass: WebhookKlass) -> None:
    schemas = [
        payload_schema(schema._schema, query, klass, include_previous=include)
        for query in generated_queries(klass)
        for include in (False, True)
    ]

    assert compiled(schemas) == {"compiled": len(schemas), "refused": []}


@needs_node_packages
def test_strict_ajv_refuses_what_is_required_and_not_defined() -> None:
    told = compiled([{"type": "object", "required": ["line"]}, {"type": "object"}])

    assert told["compiled"] == 1
    assert "strictRequired" in told["refused"][0] or "required property" in told["refused"][0]
