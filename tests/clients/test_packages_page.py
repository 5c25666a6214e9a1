"""The programs of the page about the client packages, run as they stand there."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from graphql import DocumentNode, OperationDefinitionNode, parse, validate

from schema import schema
from tests.builders.invoices import create_line_item
from tests.clients.sdk import PROJECT, built, needs_packages
from tests.clients.sdk.programs import check_types, made_ready, run
from tests.support.pages import page
from tests.support.platform import Platform, all_published
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

PAGE = page("app/docs/clients.md")
SUFFIXES = {"python": "py", "typescript": "ts"}
_ASGI = """
import asyncio, json, sys, httpx
from receiver import app
async def main():
    given = json.load(sys.stdin)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://receiver") as client:
        bodies = (given["body"], given["body"] + " ")
        posts = [await client.post("/", content=body, headers=given["headers"]) for body in bodies]
        print(str([one.status_code for one in posts]).replace(' ', ''))
asyncio.run(main())
"""
#: Each posts what it reads, as it came and forged, to one of the page's receivers; prints the two statuses.
HARNESSES = {
    "FastAPI": _ASGI,
    "Starlette": _ASGI,
    "Express": """
import { app } from "./receiver.js";
const server = app.listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  const post = ({ headers, body }) => fetch(url, { method: "POST", headers, body });
  await told(post);
  server.close();
});
""",
    "Hono": """
import { app } from "./receiver.js";
await told(({ headers, body }) => app.request("/", { method: "POST", headers, body }));
""",
    "Next.js": """
import { POST } from "./receiver.js";
await told(({ headers, body }) => POST(new Request("http://receiver/", { method: "POST", headers, body })));
""",
}
TOLD = """
import { readFileSync } from "node:fs";
async function told(post) {
  const { headers, body } = JSON.parse(readFileSync(0, "utf8"));
  const answers = [await post({ headers, body }), await post({ headers, body: body + " " })];
  console.log(JSON.stringify(answers.map(({ status }) => status)));
}
"""


def programs(heading: str) -> list[tuple[str, str]]:
    """Return the language and the text of each program below a heading."""
    return re.findall(r"^```(python|typescript)\n(.*?)^```$", PAGE.section(heading), re.MULTILINE | re.DOTALL)


FIRST = programs("A first delivery")
RECEIVERS = dict(zip(HARNESSES, programs("Receivers by push"), strict=True))


@pytest.mark.parametrize("language", SUFFIXES)
def test_first_delivery_takes_at_most_25_lines(language: str) -> None:
    (text,) = [text for given, text in FIRST if given == language]

    assert len([line for line in text.splitlines() if line.strip()]) <= 25
    assert max(map(len, text.splitlines())) <= 120


async def is_taking(platform: Platform) -> bool:
    """Tell whether the program has registered its webhook, and waits for messages."""
    nodes = (await platform.data("{ webhooks(first: 1) { nodes { lastTakenAt } } }"))["webhooks"]["nodes"]
    return [node["lastTakenAt"] is not None for node in nodes] == [True]


@needs_packages
@pytest.mark.parametrize("language", SUFFIXES)
async def test_first_delivery_is_typed_and_verified(platform: Platform, tmp_path: Path, language: str) -> None:
    line = await create_line_item(platform.conn)
    await all_published(platform.conn)
    (text,) = [text for given, text in FIRST if given == language]
    command = await made_ready(tmp_path, f"first.{SUFFIXES[language]}", text)
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "GRAPHQL_URL": f"{platform.url}/graphql", "KEY": platform.key},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        await until(lambda: is_taking(platform))
        await platform.conn.execute("update invoices set paid_at = now() where id = $1", line.invoice_id)
        assert process.stdout is not None
        told = (await asyncio.wait_for(process.stdout.readline(), 60)).decode().split()
    finally:
        process.kill()
        await process.communicate()

    assert (told[0], "PAID" in told[2]) == ("invoice.update", True)


def test_receiver_of_a_framework_takes_at_most_ten_lines() -> None:
    lines = {
        framework: [line for line in text.splitlines() if line.strip() and not line.startswith(("import ", "from "))]
        for framework, (_, text) in RECEIVERS.items()
    }

    assert {framework: len(own) for framework, own in lines.items() if len(own) > 10} == {}


SHOW_STORED_QUERY = "from tellgraph_client.graphql import INVOICE_CHANGED_GQL; print(INVOICE_CHANGED_GQL)"


async def posted(framework: str, folder: Path, secret: str, delivery: Delivery) -> list[str]:
    """Post a delivery to a receiver of the page, as it came and forged; what both have printed."""
    language, text = RECEIVERS[framework]
    await asyncio.to_thread(folder.mkdir)
    await made_ready(folder, f"receiver.{SUFFIXES[language]}", text)
    suffix, harness = ("py", HARNESSES[framework]) if language == "python" else ("mjs", TOLD + HARNESSES[framework])
    (folder / f"harness.{suffix}").write_text(harness)
    headers = {name: value for name, value in delivery.headers.items() if name.startswith(("content-type", "webhook-"))}
    given = json.dumps({"headers": headers, "body": delivery.body.decode()})
    program = built.python if language == "python" else built.node
    return (await run(program, f"harness.{suffix}", folder=folder, given=given, SECRET=secret)).splitlines()


@needs_packages
async def test_receiver_of_a_framework_acknowledges_a_delivery_that_verifies_alone(
    platform: Platform, receiver: Receiver, tmp_path: Path
) -> None:
    line = await create_line_item(platform.conn)
    stored_query = await run(built.python, "-c", SHOW_STORED_QUERY, folder=tmp_path)
    made = await platform.create_webhook(receiver.url(), stored_query)

    await platform.conn.execute("update invoices set paid_at = now() where id = $1", line.invoice_id)
    (delivery,) = await receiver.wait_for()
    told = {
        framework: await posted(framework, tmp_path / framework, made["hmacKey"], delivery) for framework in HARNESSES
    }

    printed = f"{delivery.json['type']} {delivery.json['sequence']}"
    statuses = "[204,401]"
    assert told == {framework: [printed, statuses] for framework in HARNESSES}


#: What the page leaves out before an example.
BEFORE = {
    "python": "from tellgraph_client import Tellgraph\nfrom tellgraph_client.graphql import InvoiceFilters\n"
    'client = Tellgraph("http://127.0.0.1:9/", "key")\n',
    "typescript": 'import { InvoicesDocument, Tellgraph } from "@tellgraph/client";\n'
    'const client = new Tellgraph({ url: "http://127.0.0.1:9/", key: "key" });\n',
}


#: What no checker may let pass.
WRONG = {
    "python": "client.invoices(first='1')\n",
    "typescript": 'await client.run(InvoicesDocument, { first: "1" });\n',
}


@needs_packages
@pytest.mark.parametrize("language", SUFFIXES)
async def test_all_programs_have_strict_types(tmp_path: Path, language: str) -> None:
    suffix = SUFFIXES[language]
    whole = [text for given, text in [*FIRST, *RECEIVERS.values()] if given == language]
    whole += [BEFORE[language] + text for given, text in programs("Operations") if given == language]
    named = {f"page_{number}": text for number, text in enumerate(whole)}
    named |= {name: (PROJECT / f"{name}.{suffix}").read_text() for name in ("story", "retries", "newer")}
    named["wrong"] = BEFORE[language] + WRONG[language]

    found = await check_types(tmp_path, named, suffix)

    assert [error.partition(".")[0] for error in found] == ["wrong"], found


def test_page_names_each_operation() -> None:
    operations = {
        one.name.value for one in documents().definitions if isinstance(one, OperationDefinitionNode) and one.name
    }

    rows = [line for line in PAGE.section("Operations").splitlines() if line.startswith("|")]

    assert operations - set(re.findall(r"`(\w+)`", "\n".join(rows))) == set()
    assert operations >= {"WebhookCreate", "InvoiceChanged"}


def test_operations_are_valid_by_the_schema() -> None:
    assert [error.message for error in validate(schema._schema, documents())] == []


def documents() -> DocumentNode:
    folder = Path(__file__).parents[2] / "schema" / "sdk" / "documents"
    return parse("\n".join(path.read_text() for path in sorted(folder.glob("*.graphql"))))
