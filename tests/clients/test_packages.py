"""The client packages in empty projects: checked by others' tools, and run through an integrator's story."""

import json
import re
import time
from pathlib import Path

import pytest
from aiohttp import web

from app import __version__
from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.shipments import create_shipment_carrier
from tests.clients.sdk import PROJECT, built, needs_packages
from tests.clients.sdk.programs import made_ready, run
from tests.support.platform import Platform, all_published
from tests.support.receiver import Delivery, Receiver

pytestmark = needs_packages

LANGUAGES = pytest.mark.parametrize("suffix", ["py", "ts"])
#: What both stories see.
TOLD = {
    "shipments": 1,
    "is_newer": True,
    "first_arrived": 2,
    "attempts": [204, 204],
    "failed_came_again": True,
    "events": ["DELIVERED"],
    "pages": True,
    "errors": [["webhookCreate", 422, ["attributes.url"]], [401, ["UNAUTHENTICATED"]], ["transport", None]],
}


@LANGUAGES
async def test_story_of_an_integrator(platform: Platform, tmp_path: Path, suffix: str) -> None:
    line = await create_line_item(platform.conn, quantity=2)
    carrier = await create_shipment_carrier(platform.conn)
    # The webhooks that it registers are told of what it does alone.
    await all_published(platform.conn)
    command = await made_ready(tmp_path, f"story.{suffix}", (PROJECT / f"story.{suffix}").read_text())

    told = await run(
        *command,
        folder=tmp_path,
        GRAPHQL_URL=f"{platform.url}/graphql",
        KEY=platform.key,
        INVOICE=encode("Invoice", line.invoice_id),
        CARRIER=encode("ShipmentCarrier", carrier.id),
    )

    assert json.loads(told) == TOLD
    assert await platform.conn.fetchval("select count(*) from shipments") == 1
    rejected = await platform.conn.fetchval("select count(*) from delivery_attempts where error_kind = 'REJECTED'")
    assert rejected == 1


@LANGUAGES
@pytest.mark.parametrize(
    ("retries", "retry_after", "requests", "printed"),
    [(3, "1", 4, "order"), (0, "1", 1, "GraphQLError"), (3, "3600", 1, "GraphQLError")],
)
async def test_request_is_repeated_after_what_the_server_says(
    receiver: Receiver, tmp_path: Path, suffix: str, retries: int, retry_after: str, requests: int, printed: str
) -> None:
    refusals = iter(
        [
            web.json_response(_error("RATE_LIMITED"), status=429, headers={"Retry-After": retry_after}),
            web.json_response(_error("UNAVAILABLE"), status=503),
            web.Response(text="<html>", status=502),
        ]
    )
    times: list[float] = []

    async def answer(_: Delivery) -> web.StreamResponse:
        times.append(time.monotonic())
        return next(refusals, None) or web.json_response({"data": {"node": None, "order": None}})

    receiver.answering = answer
    command = await made_ready(tmp_path, f"retries.{suffix}", (PROJECT / f"retries.{suffix}").read_text())

    told = await run(*command, folder=tmp_path, GRAPHQL_URL=receiver.url(), RETRIES=str(retries))

    assert told.strip() == {"py": "None", "ts": '{"node":null,"order":null}'}[suffix] if printed == "order" else printed
    assert len(receiver.deliveries) == requests
    assert len({one.headers["idempotency-key"] for one in receiver.deliveries}) == 1
    assert requests == 1 or times[1] - times[0] >= 1


@LANGUAGES
async def test_enum_value_of_a_newer_server_is_kept(receiver: Receiver, tmp_path: Path, suffix: str) -> None:
    node = {"id": "x", "reason": "It rains.", "occurredAt": "2026-01-01T00:00:00Z"}
    page = {
        "nodes": [{**node, "kind": kind} for kind in ("DISABLED", "RAIN")],
        "pageInfo": {"hasNextPage": False, "endCursor": None, "hasPreviousPage": False, "startCursor": None},
    }

    async def answer(_: Delivery) -> web.StreamResponse:
        return web.json_response({"data": {"operationalEvents": page}})

    receiver.answering = answer
    command = await made_ready(tmp_path, f"newer.{suffix}", (PROJECT / f"newer.{suffix}").read_text())

    told = await run(*command, folder=tmp_path, GRAPHQL_URL=receiver.url())

    assert told.splitlines() == ["DISABLED false", "RAIN true"]


def _error(code: str) -> object:
    return {"errors": [{"message": "Later.", "extensions": {"code": code}}]}


async def test_package_is_right_for_others_tools(tmp_path: Path) -> None:
    tools = PROJECT / "node_modules"
    types, lint = f"{tools}/@arethetypeswrong/cli/dist/index.js", f"{tools}/publint/src/cli.js"

    await run(built.node, types, built.tarball, "--profile", "esm-only", folder=tmp_path)
    linted = await run(built.node, lint, built.tarball, "--strict", folder=tmp_path)

    assert "All good!" in linted


async def test_bundle_has_only_what_is_used(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(PROJECT / "node_modules")
    (tmp_path / "app.mjs").write_text(
        'import { Receiver, VariantChangedDocument } from "@tellgraph/client";\n'
        "console.log(new Receiver(VariantChangedDocument, process.env.SECRET));\n"
    )

    bundle = await run(
        built.esbuild,
        *("app.mjs", "--bundle", "--format=esm", "--platform=neutral", "--main-fields=module,main"),
        folder=tmp_path,
    )

    assert "query VariantChanged" in bundle
    assert "mutation " not in bundle
    assert "query InvoiceChanged" not in bundle


def test_version_is_the_project_s() -> None:
    versions = re.findall(r"-(\d[\w.]*?)(?:-py3|\.tgz)", f"{built.tarball} {built.wheel}")

    assert versions == [__version__] * 2
