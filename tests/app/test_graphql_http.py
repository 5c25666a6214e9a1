"""GraphQL over HTTP as its specification has it, measured by the audits of the npm package graphql-http."""

import asyncio
import json
import os

from tests.clients import CLIENTS, needs_node_packages
from tests.support.platform import Platform


@needs_node_packages
async def test_every_audit_of_graphql_over_http_passes(api: Platform) -> None:
    environment = {**os.environ, "GRAPHQL_URL": f"{api.url}/graphql", "GRAPHQL_KEY": api.key}

    process = await asyncio.create_subprocess_exec(
        "node", "audits/audit.mjs", cwd=CLIENTS, env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()

    *failed, totals = [json.loads(line) for line in output.splitlines()]
    assert failed == []
    assert totals == {"passed": 61, "audits": 61}
