"""Make once in a run what is costly and the same for each of its processes."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers import temporary_dir

_VARIABLE = "TELLGRAPH_TEST_MADE_ONCE"


@contextmanager
def place_for_all() -> Iterator[None]:
    """Have a directory for all processes of the run, which inherit its name by the environment."""
    with temporary_dir() as folder:
        os.environ[_VARIABLE] = str(folder)
        try:
            yield
        finally:
            del os.environ[_VARIABLE]


def made_once(name: str, make: Callable[[], list[str]]) -> list[str]:
    """Return what `make` returns in the first process that asks for this name; others wait for it."""
    kept = Path(os.environ[_VARIABLE]) / name
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            # Not there after an exception, so that the next process meets it, too.
            made = json.dumps(make())
            kept.write_text(made)
        return list(json.loads(kept.read_text()))
