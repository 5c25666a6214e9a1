"""The client packages, installed into empty projects: checked by others' tools, and run through an integrator's story.

No checkout is on their path: programs run in a folder of their own.
"""

import asyncio
import json
import re
from asyncio.subprocess import PIPE
from pathlib import Path

from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.shipments import create_shipment_carrier
from tests.clients.sdk import PROJECT, built, needs_packages
from tests.support.platform import Platform

pytestmark = needs_packages

TSCONFIG = """{"compilerOptions": {"strict": true, "exactOptionalPropertyTypes": true, "noUncheckedIndexedAccess": true,
  "target": "ES2023", "module": "NodeNext", "types": ["node"], "noEmitOnError": true}}"""
MYPY = "[mypy]\nstrict = true\nplugins = pydantic.mypy\n[pydantic-mypy]\ninit_typed = true\n"
#: What both stories see.
TOLD = {
    "shipments": 1,
    "is_newer": True,
    "first_arrived": 2,
    "attempts": [204, 204],
    "failed_came_again": True,
    "events": ["DELIVERED"],
    "pages": True,
    "errors": [["webhookCreate", 422, ["url"]], [401, ["UNAUTHENTICATED"]], ["transport", None]],
}


async def run(*command: str, folder: Path, **environment: str) -> str:
    """Run a program that must end well, without anything of this checkout in its environment; what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environment}, stdout=PIPE, stderr=PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), 120)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, output.decode() + errors.decode()
    return output.decode()


async def node(*arguments: str, folder: Path, **environment: str) -> str:
    return await run(built.node, *arguments, folder=folder, **environment)


async def compile_strictly(folder: Path) -> None:
    (folder / "tsconfig.json").write_text(TSCONFIG)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    await node("node_modules/typescript/bin/tsc", folder=folder)


async def given(platform: Platform) -> dict[str, str]:
    """The environment of a program, with a paid invoice to ship."""
    line = await create_line_item(platform.conn, quantity=2)
    carrier = await create_shipment_carrier(platform.conn)
    return {
        "GRAPHQL_URL": f"{platform.url}/graphql",
        "KEY": platform.key,
        "INVOICE": encode("Invoice", line.invoice_id),
        "CARRIER": encode("ShipmentCarrier", carrier.id),
    }


async def test_typescript_story(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "story.ts").write_text((PROJECT / "story.ts").read_text())
    await compile_strictly(tmp_path)

    told = await node("story.js", folder=tmp_path, **await given(platform))

    assert json.loads(told) == TOLD
    await assert_all_is_told(platform)


async def test_python_story(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "story.py").write_text((PROJECT / "story.py").read_text())
    (tmp_path / "mypy.ini").write_text(MYPY)
    assert "Success" in await run(built.python, "-m", "mypy", "story.py", folder=tmp_path)

    told = await run(built.python, "story.py", folder=tmp_path, **await given(platform))

    assert json.loads(told) == TOLD
    await assert_all_is_told(platform)


async def assert_all_is_told(platform: Platform) -> None:
    """Assert that one shipment was made, and that the message that failed was rejected once with the error."""
    assert await platform.conn.fetchval("select count(*) from shipments") == 1
    rejected = await platform.conn.fetchval("select count(*) from delivery_attempts where error_kind = 'REJECTED'")
    assert rejected == 1


async def test_package_is_right_for_others_tools(tmp_path: Path) -> None:
    binaries = PROJECT / "node_modules"

    await node(
        f"{binaries}/@arethetypeswrong/cli/dist/index.js", built.tarball, "--profile", "esm-only", folder=tmp_path
    )
    linted = await node(f"{binaries}/publint/src/cli.js", built.tarball, "--strict", folder=tmp_path)

    assert "All good!" in linted


async def test_bundle_has_only_what_is_used(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    (tmp_path / "app.mjs").write_text(
        'import { Receiver, VariantChangedDocument } from "@tellgraph/client";\n'
        "console.log(new Receiver(VariantChangedDocument, process.env.SECRET));\n"
    )

    bundle = await run(
        str(PROJECT / "node_modules/@esbuild" / built.esbuild / "bin/esbuild"),
        *("app.mjs", "--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main"),
        folder=tmp_path,
    )

    assert "query VariantChanged" in bundle
    assert "mutation " not in bundle
    assert "query InvoiceChanged" not in bundle


def test_version_is_the_project_s() -> None:
    from app import __version__

    assert re.findall(r"-(\d[\w.]*?)(?:-py3|\.tgz)", f"{built.tarball} {built.wheel}") == [__version__] * 2
