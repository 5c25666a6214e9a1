"""The console's pages, headers and files, with a bundle and without one.

Above 300 lines: what one folder of files promises, from its build to its compressed answers.
"""

import gzip
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import brotli
import httpx
import pytest
from graphql import (
    DocumentNode,
    GraphQLSchema,
    ObjectFieldNode,
    ObjectValueNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    build_schema,
    parse,
    print_ast,
    validate,
    visit,
)
from starlette.applications import Starlette

from app.console import FOLDER, PAGES, console_page, console_routes, graphql_page, voyager_page

SCHEMA_FILE = FOLDER.parents[1] / "schema" / "schema.graphql"
EXAMPLES = parse((FOLDER / "src" / "pages" / "graphiql" / "examples.graphql").read_text("utf-8"))
COMMON_POLICY = (
    "connect-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """A bundle in miniature: the names that the server looks for, one file of each kind."""
    assets = tmp_path / "dist" / "assets"
    assets.mkdir(parents=True)
    for name in ("graphql-1.js", "graphql-1.css", "codicon-1.ttf", "icon-1.svg", "notes-1.txt"):
        (assets / name).write_text(f"content of {name}")
    (assets.parent / "index.html").write_text("<title>Tellgraph: console</title>")
    (assets.parent / "graphql.html").write_text("<title>Tellgraph</title>")
    (assets.parent / "voyager.html").write_text("<title>Tellgraph: entity graph</title>")
    (tmp_path / "secret.txt").write_text("secret")
    return assets.parent


@pytest.fixture
async def client(dist: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(dist) as client:
        yield client


def client_of(dist: Path) -> httpx.AsyncClient:
    app = Starlette(routes=console_routes(dist))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://console")


def test_graphql_page_is_the_bundles_page_under_a_strict_policy(dist: Path) -> None:
    response = graphql_page(dist)

    assert response.status_code == 200
    assert response.body == b"<title>Tellgraph</title>"
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; {COMMON_POLICY}; worker-src 'self'"
    )


def test_voyager_page_may_also_run_its_layout_engine(dist: Path) -> None:
    response = voyager_page(dist)

    assert response.body == b"<title>Tellgraph: entity graph</title>"
    policy = COMMON_POLICY.replace("connect-src 'self'", "connect-src 'self' data:")
    assert response.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; {policy}; worker-src blob:"
    )


@pytest.mark.parametrize("path", [*PAGES, "/webhooks/new"])
async def test_every_page_of_the_application_is_the_one_page_under_a_strict_policy(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path.replace("{id}", "V2ViaG9vay0x"))

    assert (response.status_code, response.text) == (200, "<title>Tellgraph: console</title>")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; {COMMON_POLICY}; worker-src 'self'"
    )


def test_server_and_application_know_the_same_pages() -> None:
    main = (FOLDER / "src" / "main.tsx").read_text("utf-8")

    paths = {f"/{path}" for path in re.findall(r"path: '([^'*]+)'", main)}

    assert paths - {"/webhooks/new"} == {path.replace("{id}", ":id") for path in PAGES} - {"/"}


async def test_voyager_is_routed(client: httpx.AsyncClient) -> None:
    response = await client.get("/voyager")

    assert response.status_code == 200
    assert response.text == "<title>Tellgraph: entity graph</title>"


@pytest.mark.parametrize("page", [console_page, graphql_page, voyager_page])
def test_page_without_a_bundle_says_how_to_build_it(page: object, tmp_path: Path) -> None:
    assert callable(page)

    response = page(tmp_path / "missing")

    text = bytes(response.body).decode()
    assert response.status_code == 200
    assert "make console" in text
    assert "curl http://localhost:8000/graphql" in text
    assert "<script" not in text
    assert "src=" not in text
    assert "script-src 'none'" in response.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("graphql-1.js", "text/javascript; charset=utf-8"),
        ("graphql-1.css", "text/css; charset=utf-8"),
        ("codicon-1.ttf", "font/ttf"),
        ("icon-1.svg", "image/svg+xml"),
        ("notes-1.txt", "application/octet-stream"),
    ],
)
async def test_asset_has_its_type_and_is_kept_for_ever(client: httpx.AsyncClient, name: str, content_type: str) -> None:
    response = await client.get(f"/console/assets/{name}")

    assert response.status_code == 200
    assert response.text == f"content of {name}"
    assert response.headers["content-type"] == content_type
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize(("accepted", "decode"), [("gzip, br", brotli.decompress), ("gzip", gzip.decompress)])
async def test_asset_is_compressed_for_who_accepts_it(
    client: httpx.AsyncClient, dist: Path, accepted: str, decode: Callable[[bytes], bytes]
) -> None:
    content = b"const lamp = 1;\n" * 10_000
    (dist / "assets" / "graphql-1.js").write_bytes(content)

    async with client.stream("GET", "/console/assets/graphql-1.js", headers={"Accept-Encoding": accepted}) as response:
        body = b"".join([part async for part in response.aiter_raw()])

    assert len(body) < 1_000
    assert decode(body) == content
    assert response.headers["vary"] == "Accept-Encoding"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"


async def test_asset_that_was_built_anew_is_not_answered_from_memory(client: httpx.AsyncClient, dist: Path) -> None:
    file = dist / "assets" / "graphql-1.js"
    before = await client.get("/console/assets/graphql-1.js")

    file.write_text("another")
    os.utime(file, (1, 1))
    after = await client.get("/console/assets/graphql-1.js")

    assert (before.text, after.text) == ("content of graphql-1.js", "another")


@pytest.mark.parametrize(
    "path",
    [
        "%2e%2e/%2e%2e/secret.txt",
        "..%2f..%2fsecret.txt",
        "%2e%2e/graphql.html",
        "%2e%2e%5c%2e%2e%5csecret.txt",
        "%2fetc%2fpasswd",
        "graphql-1.js%00",
        "",
        "absent.js",
    ],
)
async def test_path_outside_the_assets_is_not_found(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(f"/console/assets/{path}")

    assert response.status_code == 404


async def test_link_that_leads_out_of_the_assets_is_not_followed(client: httpx.AsyncClient, dist: Path) -> None:
    (dist / "assets" / "link.txt").symlink_to(dist.parent / "secret.txt")

    response = await client.get("/console/assets/link.txt")

    assert response.status_code == 404


async def test_assets_cannot_be_written(client: httpx.AsyncClient) -> None:
    response = await client.post("/console/assets/graphql-1.js", content=b"x")

    assert response.status_code == 405


async def test_assets_without_a_bundle_are_not_found(tmp_path: Path) -> None:
    async with client_of(tmp_path / "missing") as client:
        response = await client.get("/console/assets/graphql-1.js")

    assert response.status_code == 404


async def test_bundle_built_while_the_server_runs_is_served(tmp_path: Path) -> None:
    async with client_of(tmp_path) as client:
        before = await client.get("/voyager")
        (tmp_path / "voyager.html").write_text("built")
        after = await client.get("/voyager")

    assert "make console" in before.text
    assert after.text == "built"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (None, "console: node was not found on PATH"),
        ("v18.20.4", "console: node v18.20.4 is too old"),
    ],
)
def test_build_without_a_fitting_node_says_so(tmp_path: Path, version: str | None, message: str) -> None:
    for tool in ("sh", "dirname"):
        (tmp_path / tool).symlink_to(_path_of(tool))
    if version:
        # `node -e` is the version check, `node --version` what the message quotes.
        _write_script(tmp_path / "node", f'[ "$1" = --version ] && echo {version} && exit 0\nexit 1')
        _write_script(tmp_path / "npm", "exit 0")

    build = subprocess.run(
        [FOLDER / "build.sh"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )

    assert build.returncode == 1
    assert build.stderr.startswith(message)


def _path_of(tool: str) -> Path:
    folders = os.environ["PATH"].split(os.pathsep)
    return next(path for folder in folders if (path := Path(folder, tool)).exists())


def _write_script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def test_lock_file_names_no_registry() -> None:
    lock = (FOLDER / "package-lock.json").read_text("utf-8")

    assert '"resolved"' not in lock
    assert '"integrity"' in lock


def test_examples_are_the_three_steps_of_the_tour() -> None:
    operations = [node for node in EXAMPLES.definitions if isinstance(node, OperationDefinitionNode)]

    assert len(operations) == len(EXAMPLES.definitions)
    assert [node.name.value for node in operations if node.name] == [
        "FindAnInvoice",
        "RegisterAWebhook",
        "LookAtItsEvents",
    ]


def test_examples_send_nothing_to_strangers() -> None:
    (register,) = [
        node
        for node in EXAMPLES.definitions
        if isinstance(node, OperationDefinitionNode) and node.name and node.name.value == "RegisterAWebhook"
    ]

    attributes = next(field.value for field in _object_fields(register) if field.name.value == "attributes")

    assert isinstance(attributes, ObjectValueNode)
    given = {field.name.value: print_ast(field.value) for field in attributes.fields}
    assert (given["url"], given["enabled"]) == ('"https://example.com/webhooks"', "false")


def test_examples_are_valid_for_the_schema() -> None:
    schema = _committed_schema()

    errors = [
        error.message for node in EXAMPLES.definitions for error in validate(schema, DocumentNode(definitions=(node,)))
    ]

    assert errors == []


def test_stored_query_of_the_webhook_example_is_valid_for_the_schema() -> None:
    schema = _committed_schema()

    stored_queries = _block_strings(EXAMPLES)

    assert len(stored_queries) == 1
    assert [error.message for error in validate(schema, parse(stored_queries[0]))] == []


def _committed_schema() -> GraphQLSchema:
    return build_schema(SCHEMA_FILE.read_text("utf-8"))


def _object_fields(node: OperationDefinitionNode) -> list[ObjectFieldNode]:
    found: list[ObjectFieldNode] = []

    class Collect(Visitor):
        def enter_object_field(self, node: ObjectFieldNode, *_: object) -> None:
            found.append(node)

    visit(node, Collect())
    return found


def _block_strings(document: DocumentNode) -> list[str]:
    found: list[str] = []

    class Collect(Visitor):
        def enter_string_value(self, node: StringValueNode, *_: object) -> None:
            if node.block:
                found.append(node.value)

    visit(document, Collect())
    return found
