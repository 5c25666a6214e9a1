"""The AsyncAPI document of an owner's webhooks, read by AsyncAPI's own parser."""

import json
from pathlib import Path

import jsonschema

from tests.clients.sdk import PROJECT, built, needs_packages
from tests.clients.sdk.programs import run
from tests.support.platform import Platform
from tests.support.receiver import Receiver

#: Prints the parser's errors, and the number of messages that it has read.
PARSE = """
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";
const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const errors = diagnostics.filter(({ severity }) => severity === 0).map(({ path, message }) => [path, message]);
console.log(JSON.stringify([errors, document?.messages().length ?? null]));
"""
INVOICE = "query($id: ID!) { node(id: $id) { ... on Invoice { id statusFlags lineItems { id quantity } } } }"
OTHER_QUERIES = {
    "VARIANT": "query($id: ID!) { node(id: $id) { ... on Variant { sku advert { ... on Advert { id } } } } }",
    "ORDER": "query($id: ID!) { node(id: $id) { ... on Order { id address { fullAddress country { name } } } } }",
    "SHIPMENT": "",
}


async def parsed(document: str, folder: Path) -> tuple[list[object], int | None]:
    (folder / "parse.mjs").write_text(PARSE)
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    errors, messages = json.loads(await run(built.node, "parse.mjs", folder=folder, given=document))
    return errors, messages


@needs_packages
async def test_document_is_valid_and_its_schemas_are_those_of_real_bodies(
    platform: Platform, receiver: Receiver, tmp_path: Path
) -> None:
    made = await platform.create_webhook(receiver.url("/a/b"), INVOICE, includePrevious=True)
    for klass, query in OTHER_QUERIES.items():
        await platform.create_webhook(None, query, type=klass, delivery="PULL")
    await platform.mutate("webhookTest", "", webhookId=made["webhook"]["id"])
    answer = await platform.http.get(
        f"{platform.url}/asyncapi.json", headers={"Authorization": f"Bearer {platform.key}"}
    )

    errors, messages = await parsed(answer.text, tmp_path)

    assert (errors, messages) == ([], 4)
    document = answer.json()
    (name,) = [name for name, channel in document["channels"].items() if channel["title"] == made["webhook"]["id"]]
    (delivery,) = await receiver.wait_for()
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    jsonschema.Draft7Validator(schema).validate(delivery.json)
    assert not jsonschema.Draft7Validator(schema).is_valid({**delivery.json, "sequence": 0})


@needs_packages
async def test_parser_finds_what_is_wrong(platform: Platform, tmp_path: Path) -> None:
    await platform.create_webhook(None, INVOICE, delivery="PULL")
    answer = await platform.http.get(
        f"{platform.url}/asyncapi.json", headers={"Authorization": f"Bearer {platform.key}"}
    )

    errors, _ = await parsed(answer.text.replace("#/components/messages/", "#/components/gone/"), tmp_path)

    assert errors != []
