"""The SDL serves those who generate code from it: lint, and two generators whose clients are checked strictly."""

import asyncio
import os
import subprocess
from collections.abc import Mapping

from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.shipments import create_shipment_carrier
from tests.clients import CLIENTS, SDL, needs_node_packages, needs_python_generator
from tests.support.platform import Platform
from tests.support.receiver import Receiver

RUN_TYPESCRIPT = """
const { registerAndShip } = await import(process.cwd() + "/typescript/build/js/example.js");
console.log((await registerAndShip(...process.argv.slice(1))).length);
"""
RUN_PYTHON = """
import asyncio, sys
from example import register_and_ship
print(len(asyncio.run(register_and_ship(*sys.argv[1:]))))
"""


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder; standard error is part of the output."""
    return subprocess.run(
        command, cwd=CLIENTS, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def lint(sdl: str) -> subprocess.CompletedProcess[str]:
    return run(
        "node_modules/.bin/eslint", "--max-warnings", "0", "--stdin", "--stdin-filename", "schema.graphql", given=sdl
    )


@needs_node_packages
def test_sdl_keeps_the_rules_of_relay_and_of_descriptions() -> None:
    linted = lint(SDL.read_text())

    assert (linted.stdout, linted.returncode) == ("", 0)


@needs_node_packages
def test_lint_sees_a_missing_description_and_a_connection_without_page_info() -> None:
    broken = 'type Query { field: Int }\n"""A page."""\ntype ThingConnection { "Things." edges: [ThingEdge] }\n'

    linted = lint(broken)

    rules = {line.rsplit(maxsplit=1)[-1] for line in linted.stdout.splitlines() if "@graphql-eslint/" in line}
    assert linted.returncode == 1
    assert rules == {
        "@graphql-eslint/description-style",
        "@graphql-eslint/relay-connection-types",
        "@graphql-eslint/relay-edge-types",
        "@graphql-eslint/require-description",
    }


async def ship_by_example(
    platform: Platform, receiver: Receiver, *command: str, environment: Mapping[str, str] | None = None
) -> None:
    """Run an example as its reader would. The webhook that it registers has to be sent the shipment that it makes."""
    line = await create_line_item(platform.conn, quantity=2)
    carrier = await create_shipment_carrier(platform.conn)
    given = (f"{platform.url}/graphql", platform.key, encode("ShipmentCarrier", carrier.id), receiver.url())

    process = await asyncio.create_subprocess_exec(
        *command,
        *given,
        cwd=CLIENTS,
        env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert (output.decode().strip(), process.returncode) == ("1", 0)

    invoice = encode("Invoice", line.invoice_id)
    (delivery,) = await receiver.wait_for(lambda one: bool(one.data["node"]["shipments"]))
    assert delivery.data["node"]["id"] == invoice
    assert delivery.data["node"]["shipments"] == [{"trackingNumber": f"TG-{invoice}"}]


@needs_node_packages
async def test_typescript_client_compiles_strictly_and_its_webhook_is_sent_its_shipment(
    platform: Platform, receiver: Receiver
) -> None:
    checked = await asyncio.to_thread(run, "sh", "typescript/check.sh")
    assert (checked.stdout, checked.returncode) == ("", 0)

    await ship_by_example(platform, receiver, "node", "--input-type=module", "--eval", RUN_TYPESCRIPT)


@needs_python_generator
async def test_python_client_passes_strict_type_checks_and_its_webhook_is_sent_its_shipment(
    platform: Platform, receiver: Receiver
) -> None:
    checked = await asyncio.to_thread(run, "sh", "python/check.sh")
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.splitlines()[-1] == "Success: no issues found in 1 source file"

    path = f"{CLIENTS / 'python'}:{CLIENTS / 'python' / '.venv' / 'generated'}"
    python = str(CLIENTS / "python" / ".venv" / "bin" / "python")
    await ship_by_example(platform, receiver, python, "-c", RUN_PYTHON, environment={"PYTHONPATH": path})
