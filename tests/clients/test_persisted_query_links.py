"""Apollo's and urql's clients send hashes in the place of queries, heal when one is not known, and show our errors."""

import pytest

from tests.clients import needs_node_packages, run_client
from tests.support.platform import Platform


@needs_node_packages
@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("library", ["apollo-3", "apollo-4", "urql"])
async def test_client_sends_the_query_once_and_then_its_hash(api: Platform, library: str, method: str) -> None:
    told = await run_client(
        "node",
        "persisted/ask.mjs",
        GRAPHQL_URL=f"{api.url}/graphql",
        GRAPHQL_KEY=api.key,
        LIBRARY=library,
        METHOD=method,
    )

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
