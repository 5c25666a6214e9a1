"""Apollo's and urql's clients send hashes in the place of queries, heal when one is not known, and show our errors."""

import asyncio
import json
import os

import pytest

from tests.clients import CLIENTS, needs_node_packages
from tests.support.platform import Platform


@needs_node_packages
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("library", ["apollo-3", "apollo-4", "urql"])
async def test_client_sends_the_query_once_and_then_its_hash(api: Platform, library: str, method: str) -> None:
    environment = {
        **os.environ,
        "GRAPHQL_URL": f"{api.url}/graphql",
        "GRAPHQL_KEY": api.key,
        "LIBRARY": library,
        "METHOD": method,
    }

    process = await asyncio.create_subprocess_exec(
        "node",
        "persisted/ask.mjs",
        cwd=CLIENTS,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()

    assert process.returncode == 0, errors.decode()
    told = json.loads(output)
    *asked, refused = told["sent"]
    assert told["answers"] == [{"nodes": 0}, {"nodes": 1}, {"nodes": 1}]
    assert [(one["hasQuery"], one["status"]) for one in asked] == [
        (False, 200),
        (True, 200),
        (False, 200),
        (False, 200),
    ]
    assert {one["method"] for one in asked if not one["hasQuery"]} == {method}
    assert (told["refused"], refused["status"]) == ({"code": "UNAUTHENTICATED"}, 401)
