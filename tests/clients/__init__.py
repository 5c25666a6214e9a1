"""Clients of the API: audits over HTTP, lint of its SDL, the client packages, others' clients.

Their tools are in other languages and environments; `make clients` installs them below this folder, from locked
versions. Without them, the tests that need them are skipped.
"""

import asyncio
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

CLIENTS = Path(__file__).parent
SDL = CLIENTS.parents[1] / "schema" / "schema.graphql"


async def run_client(*command: str, **variables: str) -> Any:
    """Run a program of this folder, which must end well, and return the JSON that it prints."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=CLIENTS,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


def _is_installed(locked: str, stamp: str) -> bool:
    """Tell whether the stamp has these locked versions."""
    installed = CLIENTS / stamp
    return installed.exists() and installed.read_text().strip().endswith((CLIENTS / locked).read_text().strip())


needs_node_packages = pytest.mark.skipif(
    shutil.which("node") is None or not _is_installed("package-lock.json", "node_modules/.installed"),
    reason="needs node 20.19 or newer and the locked packages: make clients",
)
