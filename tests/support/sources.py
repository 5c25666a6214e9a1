"""The server's own source files."""

import os
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: The client packages, with their generators' environments: no part of the server.
_SDK = ROOT / "schema" / "sdk"


@cache
def server_modules(*packages: str) -> tuple[Path, ...]:
    """Return the Python files of these packages, sorted.

    A search by pattern would go through 50,000 installed files of others beside them, for seconds.
    """
    found = []
    for package in packages:
        for folder, below, names in os.walk(ROOT / package):
            below[:] = [name for name in below if name != "node_modules" and Path(folder, name) != _SDK]
            found += [Path(folder, name) for name in names if name.endswith(".py")]
    return tuple(sorted(found))
