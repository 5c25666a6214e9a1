"""A test that leaves something behind fails itself, and its neighbour passes."""

import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.leftovers import name_files, open_files
from tests.support.waiting import COMMAND_DEADLINE_S

_ROOT = Path(__file__).parent.parent

_PLUGINS = ("-p", "tests.support.leftovers", "-p", "no:cacheprovider", "-p", "no:xdist")

# From Python 3.13 on, a connection's writer complains as soon as nobody holds it: the server's ends stay.
_HEAD = """import asyncio, gc

kept = []
"""

_NEIGHBOUR = """
    import asyncio, gc

    async def test_neighbour():
        gc.enable()
        gc.collect()
"""

_LEAKS = {
    "connection": (
        """
    async def test_leak():
        listener = await asyncio.start_server(lambda r, w: kept.append(w), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        listener.close()
        # A cycle, as a client has that holds its connection: not freed before it is collected. That may be at any time.
        gc.disable()
        writer.itself = writer
        """,
        "this test has left open: socket ('127.0.0.1', ",
    ),
    "held connection": (
        """
    held = []

    async def test_leak():
        listener = await asyncio.start_server(lambda r, w: kept.append(w), "127.0.0.1", 0)
        held.append(await asyncio.open_connection(*listener.sockets[0].getsockname()))
        listener.close()
        """,
        "asyncio.streams.StreamReaderProtocol",
    ),
    "task": (
        """
    async def wait_long():
        await asyncio.sleep(3600)

    async def test_leak():
        asyncio.create_task(wait_long(), name="long")
        """,
        "this test has left tasks: long: wait_long",
    ),
    "pipe": (
        """
    import os

    def test_leak():
        os.pipe()
        """,
        "this test has left open: pipe; pipe",
    ),
}


def test_the_test_that_leaks_fails_and_not_its_neighbour(tmp_path: Path) -> None:
    for leak, (source, _) in _LEAKS.items():
        (tmp_path / _file_of(leak)).write_text(_HEAD + _unindented(source) + _unindented(_NEIGHBOUR))

    # All in one run, since a start of pytest takes seconds.
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", _ROOT / "pyproject.toml", *_PLUGINS, "-rA", tmp_path],
        cwd=_ROOT,
        env=os.environ | {"COLUMNS": "1000"},
        capture_output=True,
        text=True,
        timeout=COMMAND_DEADLINE_S,
    )

    errors = dict(line.split(" - ", 1) for line in run.stdout.splitlines() if line.startswith("ERROR "))
    told = {place.removeprefix("ERROR ").rpartition("/")[2]: sentence for place, sentence in errors.items()}
    assert told.keys() == {f"{_file_of(leak)}::test_leak" for leak in _LEAKS}
    for leak, (_, sentence) in _LEAKS.items():
        assert sentence in told[f"{_file_of(leak)}::test_leak"]
    assert f"{2 * len(_LEAKS)} passed, {len(_LEAKS)} errors" in run.stdout


def _file_of(leak: str) -> str:
    return f"test_{leak.replace(' ', '_')}.py"


def _unindented(source: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in source.splitlines()) + "\n"


def test_a_look_at_open_files_leaves_none() -> None:
    before = open_files()

    names = name_files(before)

    assert open_files() == before
    assert len(names) == len(before)


async def test_a_generator_that_is_collected_has_time_to_close_itself() -> None:
    async def count_once() -> AsyncIterator[int]:
        try:
            yield 1
        finally:
            for _ in range(20):
                await asyncio.sleep(0)

    counting = count_once()
    assert await anext(counting) == 1
    del counting
    gc.collect()
