"""What clients do with the API: lint and generators over its SDL, in other languages and environments.

`make clients` installs what they need below this folder; without it these tests are skipped.
"""

import shutil
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
SDL = CLIENTS.parents[1] / "schema" / "schema.graphql"

needs_node_packages = pytest.mark.skipif(
    shutil.which("node") is None or not (CLIENTS / "node_modules" / ".installed").exists(),
    reason="needs node 20.19 or newer and its packages: make clients",
)
