"""A test that leaves something behind fails itself, and its neighbour passes."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.leftovers import name_files, open_files

_ROOT = Path(__file__).parent.parent

_PLUGINS = ("-p", "tests.support.leftovers", "-p", "no:cacheprovider", "-p", "no:xdist")

_NEIGHBOUR = """
    import asyncio, gc

    async def test_neighbour():
        gc.collect()
"""

_LEAKS = {
    "connection": (
        """
    async def test_leak():
        listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*listener.sockets[0].getsockname())
        listener.close()
        # A cycle, as a client has that holds its connection: not freed before it is collected.
        writer.itself = writer
        """,
        "this test has left open: socket ('127.0.0.1', ",
    ),
    "held connection": (
        """
    held = []

    async def test_leak():
        listener = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
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


@pytest.mark.parametrize("leak", _LEAKS)
def test_the_test_that_leaks_fails_and_not_its_neighbour(leak: str, tmp_path: Path) -> None:
    source, sentence = _LEAKS[leak]
    file = tmp_path / "test_leaking.py"
    file.write_text("import asyncio\n" + _unindented(source) + _unindented(_NEIGHBOUR))

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", _ROOT / "pyproject.toml", *_PLUGINS, "-rA", file],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert sentence in run.stdout
    ends = [line.split(" - ")[0].replace(f"{file}", "") for line in run.stdout.splitlines() if "::test_" in line]
    ends = [line.split("::")[1] for line in ends if line.startswith("ERROR ")]
    assert ends == ["test_leak"]
    assert "2 passed, 1 error" in run.stdout


def _unindented(source: str) -> str:
    return "\n".join(line.removeprefix("    ") for line in source.splitlines()) + "\n"


def test_a_look_at_open_files_leaves_none() -> None:
    before = open_files()

    names = name_files(before)

    assert open_files() == before
    assert len(names) == len(before)
