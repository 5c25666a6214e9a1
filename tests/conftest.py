"""Wiring: the servers of the run, and the fixtures that name them. What they do is in tests/support."""

import gc
import os
import signal
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from redis.asyncio import Redis

from tests.support import forked_commands, leftovers
from tests.support.database import cloned_database, kept_connection
from tests.support.delivered import faults_of
from tests.support.load import IS_LONG, TOLD
from tests.support.made_once import place_for_all
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.receiver import Receiver, running_receiver
from tests.support.servers import (
    DATABASE_VARIABLE,
    REDIS_VARIABLE,
    TEMPLATE_VARIABLE,
    PrivateServers,
    private_servers_running,
    shared_servers,
    worker_redis_url,
)

_SERVERS = pytest.StashKey[ExitStack]()
_TESTS = Path(__file__).parent
#: Folders whose tests wait for most of their time, those with the longest ones first.
_WAITING = ("histories", "faults", "e2e", "console")

# They fail the test that leaves a socket, a pipe or a task.
nothing_left = leftovers.nothing_left
tasks_ended = leftovers.tasks_ended
pytest_runtest_teardown = leftovers.pytest_runtest_teardown


# The same examples at each run: chance is for the long forms. No time is held: others use the machine, too.
settings.register_profile(
    "tests",
    derandomize=not IS_LONG,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("tests")


def pytest_configure(config: pytest.Config) -> None:
    # As the application writes them. The default form, with the values of all variables, takes seconds for each.
    for_people = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], for_people])
    # A worker of pytest-xdist inherits the environment that its controller has set up here.
    if not hasattr(config, "workerinput") and not config.option.collectonly:
        # As Ctrl-C, so that a run that is told to end still stops its servers.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # A shell has a run in the background ignore Ctrl-C, and commands that tests interrupt would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        config.stash[_SERVERS] = ExitStack()
        config.stash[_SERVERS].enter_context(shared_servers())
        config.stash[_SERVERS].enter_context(place_for_all())


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly:
        forked_commands.prepare()
        stack = session.config.stash.setdefault(_SERVERS, ExitStack())
        stack.enter_context(kept_connection(os.environ[DATABASE_VARIABLE]))
        # Modules and schema stay: no collection has to look at them again.
        gc.collect()
        gc.freeze()


@pytest.hookimpl(wrapper=True, optionalhook=True)
def pytest_xdist_auto_num_workers() -> Generator[None, int, int]:
    """Twice as many as there are cores: tests of time-outs, leases and retries wait most of their time."""
    cores = yield
    return 2 * cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that wait: the others keep the cores busy beside them, and none is left for the end."""
    place = {folder: number for number, folder in enumerate(_WAITING)}
    items.sort(key=lambda item: place.get(item.path.relative_to(_TESTS).parts[0], len(place)))


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash.get(_SERVERS, ExitStack()).close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures that tests have measured, since the output of a test that passes is lost."""
    reports = [one for name in ("passed", "failed") for one in terminalreporter.getreports(name)]
    told = [line for one in reports for line in one.capstdout.splitlines() if line.startswith(TOLD)]
    if told:
        terminalreporter.section("measured")
        for line in told:
            terminalreporter.line(line.removeprefix(TOLD))


@pytest.fixture
async def database_url() -> AsyncIterator[str]:
    """A migrated, empty database of this test's own."""
    async with cloned_database(os.environ[DATABASE_VARIABLE], os.environ[TEMPLATE_VARIABLE]) as url:
        yield url


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to that database, outside of any transaction."""
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def redis_url() -> str:
    """A Redis database of this pytest process's own, empty."""
    url = worker_redis_url(os.environ[REDIS_VARIABLE])
    async with Redis.from_url(url) as client:
        await client.flushdb()
    return url


@pytest.fixture
def private_servers() -> Iterator[PrivateServers]:
    """PostgreSQL and Redis of this test's own, to stop, kill and restart."""
    with private_servers_running() as servers:
        yield servers


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A subscriber's endpoint."""
    async with running_receiver() as running:
        yield running


@pytest.fixture(autouse=True)
def bodies_validate(request: pytest.FixtureRequest, nothing_left: None) -> Iterator[None]:
    """Whatever a test of the whole was about: what its receiver was sent is as `payloadSchema` says."""
    if not {"receiver", "platform"} <= set(request.fixturenames):
        yield
        return
    receiver, url = request.getfixturevalue("receiver"), request.getfixturevalue("database_url")
    yield
    assert faults_of(url, receiver.deliveries) == []


@pytest.fixture
async def platform(database_url: str, redis_url: str) -> AsyncIterator[Platform]:
    """API and worker on this test's own database."""
    async with running_platform(settings_for(database_url, redis_url)) as running:
        yield running


@pytest.fixture
async def api(database_url: str) -> AsyncIterator[Platform]:
    """The API alone, on this test's own database."""
    async with running_platform(settings_for(database_url), with_worker=False) as running:
        yield running
