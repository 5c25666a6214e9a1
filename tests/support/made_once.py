"""Make once in a run what is costly and the same for each of its processes."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

_VARIABLE = "TELLGRAPH_TEST_MADE_ONCE"


@contextmanager
def place_for_all() -> Iterator[None]:
    """Have a directory for all processes of the run, which inherit its name by the environment."""
    with TemporaryDirectory(prefix="tellgraph-test-") as folder:
        # PostgreSQL enters it as another user when root runs the tests.
        Path(folder).chmod(0o711)
        os.environ[_VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[_VARIABLE]


def place() -> Path:
    """Return that directory. It is removed when the run ends."""
    return Path(os.environ[_VARIABLE])


def made_once(name: str, make: Callable[[], list[str]]) -> list[str]:
    """Return what `make` returns in the first process that asks for this name; others wait for it."""
    kept = place() / name
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            # Not there after an exception, so that the next process meets it, too.
            made = json.dumps(make())
            kept.write_text(made)
        return list(json.loads(kept.read_text()))
