"""A headless browser that is there already, and what a page asked for and complained about."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, async_playwright, expect

from tests.clients import CLIENTS

#: Nobody waits for so long but on a machine that is busy with other things.
WAIT_MS = 60_000
_AXE = CLIENTS / "node_modules" / "axe-core" / "axe.min.js"
#: `make clients` unpacks the one of npm's where there is none on PATH.
_UNPACKED = CLIENTS / "node_modules" / ".chromium" / "chromium"
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    # Whatever the browser itself wants from the network, it does not find.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)
# A page hears of another scheme with its next frame. Its colours then set out for others; and the editor, some timers
# later, splits its text anew; until then each word has the class of another colour. Timers and idle callbacks run in
# the order in which they are due: once ours have run and nothing has changed meanwhile, the page has done its work.
# The editor's longest timer takes 50 ms.
_AXE_RUN = """async ([exclude, only, mostMs]) => {
  const begunAt = performance.now()
  const frame = () => new Promise((shown) => requestAnimationFrame(shown))
  const ends = (one) => one.playState === 'running' && one.effect.getComputedTiming().endTime < Infinity
  let hasChanged, underWay
  const observer = new MutationObserver(() => { hasChanged = true })
  observer.observe(document, {subtree: true, childList: true, attributes: true, characterData: true})
  do {
    if (performance.now() - begunAt > mostMs) throw new Error(`the page does not come to rest within ${mostMs} ms`)
    hasChanged = false
    await frame()
    await frame()
    await new Promise((passed) => setTimeout(passed, 100))
    await new Promise((idle) => requestIdleCallback(idle, {timeout: mostMs}))
    underWay = document.getAnimations().filter(ends)
    await Promise.allSettled(underWay.map((one) => one.finished))
  } while (hasChanged || underWay.length)
  observer.disconnect()
  const context = {include: [['html']], exclude: exclude.map((one) => [one])}
  const {violations} = await axe.run(context, {resultTypes: ['violations'], ...only})
  return violations.map((one) => [
    `${one.id} (${one.impact}): ${one.help}`,
    ...one.nodes.map((node) => `  ${node.html}  ${node.failureSummary}`),
  ].join('\\n'))
}"""

Scheme = Literal["light", "dark"]


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    return found or (str(_UNPACKED) if _UNPACKED.exists() else None)


@asynccontextmanager
async def running_browser() -> AsyncIterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=_FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


# Without slots: Playwright keeps its wrappers of the handlers in the object.
@dataclass
class WatchedPage:
    """A page with its complaints: errors of scripts and console, breaches of the policy, requests to other hosts.

    Attributes:
        expected: Parts of complaints that the test has asked for, as in `status of 401`.
    """

    page: Page
    origin: str
    expected: list[str] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", self._keep_message)
        self.page.on("pageerror", lambda error: self._complaints.append(f"exception: {error}"))
        self.page.on("request", self._keep_request)

    def complaints(self) -> list[str]:
        return [one for one in self._complaints if not any(part in one for part in self.expected)]

    def _keep_message(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "assert"):
            self._complaints.append(f"console {message.type}: {message.text}")

    def _keep_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "blob") and f"{url.scheme}://{url.netloc}" != self.origin:
            self._complaints.append(f"request to another host: {request.url}")


class OpenPage(Protocol):
    """Open an address of the console in a tab of its own, with a key in it.

    Args:
        key: The operator's unless given; "" for none.
        expected: Parts of complaints that the test asks for.
    """

    def __call__(
        self,
        path: str = "/",
        *,
        key: str | None = None,
        width: int = 1280,
        scheme: Scheme = "light",
        expected: tuple[str, ...] = (),
    ) -> Awaitable[Page]: ...


@asynccontextmanager
async def watched_page(
    browser: Browser, origin: str, *, width: int = 1280, scheme: Scheme = "light"
) -> AsyncIterator[WatchedPage]:
    """Open an empty tab without cookies and storage. At the end it is closed."""
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, base_url=origin, reduced_motion="reduce"
    )
    context.set_default_timeout(WAIT_MS)
    try:
        watched = WatchedPage(await context.new_page(), origin)
        watched.watch()
        yield watched
    finally:
        await context.close()


async def click_line(line: Locator) -> None:
    """Click at the beginning of a line of an editor, and wait until the editor has the keyboard.

    All lines are as long as the longest, which may be longer than the editor is wide. Playwright would click in the
    middle, and scroll what it clicks into view. The editor ignores a click in what it has not scrolled itself.
    """
    await line.click(position={"x": 5, "y": 5})
    await expect(line.page.locator(".monaco-editor.focused")).to_be_visible()


async def check_accessibility(page: Page, exclude: Sequence[str] = (), *, colours_alone: bool = False) -> None:
    """Fail with what axe finds wrong in the page as it is now, but for elements of these selectors."""
    if not await page.evaluate("'axe' in window"):
        # Not as a script element, which the page's policy refuses.
        await page.evaluate(_AXE.read_text("utf-8"))
    only = {"runOnly": ["color-contrast", "link-in-text-block"]} if colours_alone else {}
    violations: list[Any] = await page.evaluate(_AXE_RUN, [list(exclude), only, WAIT_MS])
    assert not violations, "\n".join(violations)


async def keep_pictures(pages: Sequence[WatchedPage], folder: Path, name: str) -> None:
    """Write a picture of each page; a page that can't be pictured any more has none."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    for number, watched in enumerate(pages, 1):
        with suppress(Exception):
            await watched.page.screenshot(path=folder / f"{name}-{number}.png", full_page=True)
