"""The receivers of the documentation, run as they stand there: each verifies, and keeps what is new once."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.webhooks.domain.signing.signing_secret import generate_secret
from tests.builders.variants import create_variant
from tests.clients import CLIENTS, needs_node_packages
from tests.support.pages import page
from tests.support.platform import Platform, all_published
from tests.support.waiting import until

PAGE = page("app/docs/receivers.md")
WAYS = ("By push", "By pull", "By stream")
#: Of programs that run by themselves; `copies` is a module beside them.
LANGUAGES = [pytest.param("python"), pytest.param("typescript", marks=needs_node_packages)]
QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { sku } } }"
STATES = "select state from webhook_events order by id"
#: The TypeScript of the page as node runs it, checked strictly.
TSCONFIG = """{"compilerOptions": {"strict": true, "target": "ES2023", "module": "NodeNext", "types": ["node"],
  "noEmitOnError": true, "skipLibCheck": true}}"""


def block_of(heading: str, language: str) -> str:
    """Return the only program in a language below a heading."""
    (program,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.section(heading), re.MULTILINE | re.DOTALL)
    return str(program)


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize("heading", ["What all have in common", *WAYS])
def test_a_receiver_is_read_at_a_glance(heading: str, language: str) -> None:
    lines = [line for line in block_of(heading, language).splitlines() if line.strip()]

    assert len(lines) <= 20
    assert max(map(len, lines)) <= 120


async def write_program(folder: Path, way: str, language: str) -> list[str]:
    """Write a receiver with the module that it uses; the command that runs it."""
    port_of_choice = (("9000), Receiver)\n", "0), Receiver)\n"), ("listen(9000)", "listen(0)"))
    suffix = {"python": "py", "typescript": "ts"}[language]
    for name, heading in (("copies", "What all have in common"), ("receiver", way)):
        text = block_of(heading, language)
        for shown, free in port_of_choice:
            text = text.replace(shown, free)
        if way == "By push" and name == "receiver":
            # It says where it listens before it begins to.
            text = (
                text.replace(
                    "server.serve_forever()", "print('port', server.server_port, flush=True)\nserver.serve_forever()"
                )
                if language == "python"
                else text + 'server.on("listening", () => console.log("port", (server.address() as any).port));\n'
            )
        (folder / f"{name}.{suffix}").write_text(text)
    if language == "python":
        return [sys.executable, "receiver.py"]
    (folder / "tsconfig.json").write_text(TSCONFIG)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    compiling = await asyncio.create_subprocess_exec(
        "node", "node_modules/typescript/bin/tsc", cwd=folder, stdout=PIPE, stderr=PIPE
    )
    printed, _ = await compiling.communicate()
    assert compiling.returncode == 0, printed.decode()
    return ["node", "receiver.js"]


@asynccontextmanager
async def running(command: list[str], folder: Path, **environment: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdout=PIPE, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def next_line(process: Process) -> list[str]:
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 100)
    return line.decode().split()


class Scene:
    """A webhook of every change that is disabled, so that its events are held until a receiver is there."""

    def __init__(self, platform: Platform, created: Any) -> None:
        self.platform = platform
        self.webhook = created["webhook"]["id"]
        self.secret = created["hmacKey"]

    async def change(self, sku: str) -> None:
        """Change the variant, and wait until the change is published."""
        await self.platform.conn.execute("update variants set sku = $1", sku)
        await all_published(self.platform.conn)

    async def enable(self, **attributes: Any) -> None:
        await self.mutate("webhookUpdate", webhookId=self.webhook, attributes={"enabled": True, **attributes})

    async def mutate(self, name: str, **given: Any) -> None:
        assert (await self.platform.mutate(name, "", **given))["status"] == 200

    async def events(self) -> list[str]:
        asked = "query($id: ID!) { webhookEvents(webhookId: $id, first: 9) { nodes { id } } }"
        nodes = (await self.platform.data(asked, {"id": self.webhook}))["webhookEvents"]["nodes"]
        return [node["id"] for node in reversed(nodes)]

    async def settled(self, *states: str) -> None:
        async def are() -> bool:
            return [row["state"] for row in await self.platform.conn.fetch(STATES)] == list(states)

        await until(are)

    async def attempts(self, number: int) -> None:
        """Wait until at least so many attempts have ended. There may be more: the first retry follows at once."""
        sql = "select count(*) >= $1 from delivery_attempts where finished_at is not null"
        await until(lambda: self.platform.conn.fetchval(sql, number))


@pytest.fixture
async def scene(platform: Platform, request: pytest.FixtureRequest) -> Scene:
    way = request.getfixturevalue("way")
    target: dict[str, Any] = {"url": "http://127.0.0.1:9/"} if way == "By push" else {"delivery": "PULL"}
    await create_variant(platform.conn, sku="A")
    await all_published(platform.conn)
    payload = await platform.mutate(
        "webhookCreate",
        "hmacKey webhook { id }",
        attributes={"type": "VARIANT", "queryString": QUERY, "everyChange": True, "enabled": False, **target},
    )
    return Scene(platform, payload)


@asynccontextmanager
async def receiving(scene: Scene, way: str, language: str, folder: Path, secret: str) -> AsyncIterator[Process]:
    """Run a receiver of the page, and enable the webhook once it is there."""
    command = await write_program(folder, way, language)
    environment = {"GRAPHQL_URL": f"{scene.platform.url}/graphql", "KEY": scene.platform.key, "WEBHOOK": scene.webhook}
    async with running(command, folder, SECRET=secret, **environment) as process:
        if way == "By push":
            _, port = await next_line(process)
            # The secret is given, because it does not follow the URL to another port.
            await scene.enable(url=f"http://127.0.0.1:{port}/", hmacKey=scene.secret)
        else:
            await scene.enable()
        yield process


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
async def test_receiver_keeps_what_is_new_once_and_in_order(
    scene: Scene, way: str, language: str, tmp_path: Path
) -> None:
    await scene.change("B")
    await scene.change("C")
    old, new = (await scene.events())[-2:]
    await scene.mutate("webhookEventCancel", webhookEventId=old)

    async with receiving(scene, way, language, tmp_path, scene.secret) as process:
        told = [await next_line(process)]
        await until(lambda: scene.platform.conn.fetchval("select bool_and(state <> 'SENDING') from webhook_events"))
        # The one is older than what the receiver has, the other a repetition.
        for event in (old, new):
            await scene.mutate("webhookEventReplay", webhookEventId=event)
        await scene.attempts(3)
        await scene.change("D")
        told.append(await next_line(process))
        await scene.settled("DELIVERED", "DELIVERED", "DELIVERED")

    sequences = [row["id"] for row in await scene.platform.conn.fetch("select id from webhook_events order by id")]
    assert told == [["variant.update", str(sequence)] for sequence in sequences[1:]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("way", WAYS)
async def test_receiver_acknowledges_nothing_whose_signature_is_wrong(
    scene: Scene, way: str, language: str, tmp_path: Path
) -> None:
    await scene.change("B")

    async with receiving(scene, way, language, tmp_path, generate_secret()) as process:
        if way == "By push":
            await scene.attempts(1)
            assert await scene.platform.conn.fetchval("select status from delivery_attempts limit 1") == 401
            process.kill()
        told, _ = await process.communicate()

    assert told == b""
    assert await scene.platform.conn.fetchval("select bool_or(state = 'DELIVERED') from webhook_events") is False
