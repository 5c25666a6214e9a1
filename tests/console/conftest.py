"""Wiring of the browser's tests. One browser and one event loop serve all tests of a process."""

from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from app.console import is_built
from tests.clients import needs_node_packages
from tests.console.site import running_site
from tests.console.story import Story
from tests.support.browser import (
    OpenPage,
    Scheme,
    WatchedPage,
    find_browser,
    keep_pictures,
    running_browser,
    watched_page,
)

HERE = Path(__file__).parent
ARTIFACTS = HERE.parents[1] / "build" / "console"
_FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    markers = (
        pytest.mark.skipif(find_browser() is None, reason="no Chromium on PATH, nor unpacked by make clients"),
        pytest.mark.skipif(not is_built(), reason="the console is not built: make console"),
        needs_node_packages,
    )
    for item in items:
        if item.path.is_relative_to(HERE):
            for marker in markers:
                item.add_marker(marker)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_FAILED] = report.failed
    return report


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with running_browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def console() -> AsyncIterator[Story]:
    """The served site: API, worker and receiver on a database of this test's own, with a story told."""
    async with running_site() as story:
        yield story


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(request: pytest.FixtureRequest, browser: Browser, console: Story) -> AsyncIterator[OpenPage]:
    """Open pages. At the end of the test none of them may have complained; those of a failed test are pictured."""
    opened: list[WatchedPage] = []
    async with AsyncExitStack() as stack:

        async def open_one(
            path: str = "/",
            *,
            key: str | None = None,
            width: int = 1280,
            scheme: Scheme = "light",
            expected: tuple[str, ...] = (),
        ) -> Page:
            tab = watched_page(browser, console.url, width=width, scheme=scheme)
            watched = await stack.enter_async_context(tab)
            watched.expected.extend(expected)
            opened.append(watched)
            used = console.key if key is None else key
            await watched.page.goto(f"{path}#key={used}" if used else path)
            return watched.page

        yield open_one
        complaints = [one for watched in opened for one in watched.complaints()]
        if complaints or request.node.stash.get(_FAILED, True):
            await keep_pictures(opened, ARTIFACTS, request.node.name.replace("/", "-"))
        assert not complaints, "\n".join(complaints)
