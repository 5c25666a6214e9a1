"""The client packages as an integrator has them: built, installed into empty projects, run against a server."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent
ROOT = PROJECT.parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledTools:
    """The absolute paths of programs, and of the packages."""

    node: str
    python: str
    esbuild: str
    tarball: str
    wheel: str


def _find() -> InstalledTools | None:
    """Return what is installed, if it was built from these sources."""
    node, stamp = shutil.which("node"), PROJECT / ".installed"
    made = subprocess.run([sys.executable, ROOT / "schema/sdk/digest.py"], capture_output=True, text=True, check=True)
    if node is None or not stamp.exists() or made.stdout.strip() not in stamp.read_text():
        return None
    (esbuild,) = (PROJECT / "node_modules/@esbuild").iterdir()
    (tarball,), (wheel,) = ((ROOT / "dist").glob(form) for form in ("tellgraph-client-*.tgz", "tellgraph_client-*.whl"))
    return InstalledTools(
        node=node,
        python=str(PROJECT / ".venv/bin/python"),
        esbuild=str(esbuild / "bin" / "esbuild"),
        tarball=str(tarball),
        wheel=str(wheel),
    )


_found = _find()
built = _found or InstalledTools(node="", python="", esbuild="", tarball="", wheel="")
needs_packages = pytest.mark.skipif(
    _found is None, reason="needs the client packages of these sources, and node 20.19 or newer: make clients"
)
