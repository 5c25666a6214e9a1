"""Clients of the API: audits over HTTP, lint of its SDL, generators of typed clients.

Their tools are in other languages and environments; `make clients` installs them below this folder, from locked
versions. Without them, the tests that need them are skipped.
"""

import shutil
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parent
SDL = CLIENTS.parents[1] / "schema" / "schema.graphql"


def _is_installed(locked: str, stamp: str) -> bool:
    """Tell whether the stamp has these locked versions. That of an environment names its Python before them."""
    installed = CLIENTS / stamp
    return installed.exists() and installed.read_text().strip().endswith((CLIENTS / locked).read_text().strip())


needs_node_packages = pytest.mark.skipif(
    shutil.which("node") is None or not _is_installed("package-lock.json", "node_modules/.installed"),
    reason="needs node 20.19 or newer and the locked packages: make clients",
)
needs_python_generator = pytest.mark.skipif(
    not _is_installed("python/requirements.txt", "python/.venv/.installed"),
    reason="needs the Python generator's own environment: make clients",
)
