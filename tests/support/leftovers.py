"""Find sockets, pipes and tasks that outlive their test. Otherwise they would fail a later test."""

import asyncio
import contextlib
import gc
import os
import socket
import stat
import sys
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

#: Each process finds its own descriptors here.
_DESCRIPTORS = Path("/proc/self/fd" if sys.platform == "linux" else "/dev/fd")
#: Turns of the event loop in which a closed transport and a cancelled task come to their end.
_TURNS = 5
#: c-ares closes its sockets in a thread of its own, about a millisecond after its channel was closed.
_GRACE_S = 10.0
_PAUSE_S = 0.001

#: A descriptor with its inode: the number alone is given out again.
OpenFile = tuple[int, int]

_OPEN_BEFORE = pytest.StashKey[set[OpenFile]]()


@pytest.fixture(autouse=True)
def nothing_left(request: pytest.FixtureRequest) -> None:
    """Fail a test that leaves a socket, a pipe or a task. Otherwise a later test would fail when they are collected."""
    marker = request.node.get_closest_marker("asyncio")
    # What tests share an event loop for is closed with that loop.
    if marker is None or marker.kwargs.get("loop_scope", "function") == "function":
        request.node.stash[_OPEN_BEFORE] = open_files()
        if marker is not None:
            request.getfixturevalue("tasks_ended")


@pytest.fixture
async def tasks_ended() -> AsyncIterator[None]:
    """Fail the test that leaves a task: it is torn down last, when everything else of the test is."""
    yield
    if names := await unfinished_tasks():
        pytest.fail(f"this test has left tasks: {'; '.join(names)}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Fail the test that leaves a socket or a pipe, whether it can be collected already or not."""
    # Here, not in a fixture: pytest-asyncio closes the event loop after the fixtures that are set up first.
    try:
        yield
    except BaseException:
        # Failed already: what else it leaves is not to fail its neighbour.
        discard_unreachable()
        raise
    if _OPEN_BEFORE in item.stash and (left := files_left(item.stash[_OPEN_BEFORE])):
        names = name_files(left)
        discard_unreachable()
        pytest.fail(f"this test has left open: {'; '.join(names)}", pytrace=False)


def open_files() -> set[OpenFile]:
    """Return the sockets and pipes that this process has open."""
    return set(_sockets_and_pipes())


def files_left(before: set[OpenFile]) -> set[OpenFile]:
    """Return what is open now and was not before, once threads have had time to close what was given to them."""
    ends_at = time.monotonic() + _GRACE_S
    while (left := open_files() - before) and time.monotonic() < ends_at:
        time.sleep(_PAUSE_S)
    return left


def _sockets_and_pipes() -> Iterator[OpenFile]:
    for number in map(int, os.listdir(_DESCRIPTORS)):
        # Pytest redirects the standard ones while a test runs.
        if number <= 2:
            continue
        # The listing's own descriptor is closed by now.
        with contextlib.suppress(OSError):
            status = os.fstat(number)
            if stat.S_ISSOCK(status.st_mode) or stat.S_ISFIFO(status.st_mode):
                yield number, status.st_ino


def name_files(files: set[OpenFile]) -> list[str]:
    """Say for each where it leads, and which protocol of an event loop reads from it."""
    protocols = _protocols_by_descriptor()
    return [_describe(number, protocols.get(number)) for number, _ in sorted(files)]


def _describe(number: int, protocol: str | None) -> str:
    try:
        with socket.socket(fileno=number) as opened:
            where = f"socket {opened.getsockname()} → {_peer(opened)}"
            opened.detach()
    except OSError:
        where = "pipe"
    return f"{where} of {protocol}" if protocol else where


def _peer(opened: socket.socket) -> object:
    try:
        return opened.getpeername()
    except OSError:
        return "nobody"


def _protocols_by_descriptor() -> dict[int, str]:
    """Return the class of the protocol by the number of the descriptor that its transport reads from."""
    found: dict[int, str] = {}
    # A full look costs tens of milliseconds; it is taken only when something was left.
    for one in gc.get_objects():
        if isinstance(one, asyncio.Transport):
            opened = one.get_extra_info("socket")
            if opened is not None and opened.fileno() >= 0:
                protocol = type(one.get_protocol())
                found[opened.fileno()] = f"{protocol.__module__}.{protocol.__qualname__}"
    return found


def discard_unreachable() -> None:
    """Free what nobody holds any more, without the warnings that would fail the next test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def _other_tasks() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


def _closes_generator(task: asyncio.Task[Any]) -> bool:
    return type(task.get_coro()).__name__ == "async_generator_athrow"


async def unfinished_tasks() -> list[str]:
    """Return the tasks of this event loop that have not ended, without the caller's own."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    # The event loop closes an asynchronous generator that is collected in a task of its own.
    if closing := set(filter(_closes_generator, _other_tasks())):
        await asyncio.wait(closing, timeout=_GRACE_S)
    return sorted(f"{task.get_name()}: {getattr(task.get_coro(), '__qualname__', '?')}" for task in _other_tasks())
