"""A headless Chromium driven over the DevTools protocol, and what a page asked for and complained about."""

import asyncio
import base64
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

START_S = 30
WAIT_S = 30
POLL_S = 0.05
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Whatever the browser itself wants from the network, it does not find.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
    "--window-size=1400,900",
)


def find_chromium() -> str | None:
    """Give the path of a Chromium or Chrome on PATH; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for path in map(shutil.which, names) if path), None)


class ProtocolError(Exception):
    """Chromium refused a command, in its own words; so it does while a page is being replaced by another."""


@dataclass(slots=True)
class Page:
    """One tab and its workers: commands go out as numbered messages; events are kept as they come in.

    Attributes:
        complaints: Errors of scripts, console and log, and breaches of the Content-Security-Policy.
    """

    socket: aiohttp.ClientWebSocketResponse
    requested_urls: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    worker_urls: list[str] = field(default_factory=list)
    _answers: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _last_id: int = 0

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        """Send one DevTools command and give its result; raises ProtocolError."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[await self._send({"method": method, "params": params})] = answer
        async with asyncio.timeout(WAIT_S):
            message = await answer
        if "error" in message:
            raise ProtocolError(f"{method}: {message['error']}")
        return dict(message["result"])

    async def _send(self, message: dict[str, Any]) -> int:
        self._last_id += 1
        await self.socket.send_json({"id": self._last_id} | message)
        return self._last_id

    async def evaluate(self, expression: str) -> Any:
        """Run JavaScript in the page and give its JSON-like value; RuntimeError with what it threw."""
        result = await self.command("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression}: {result['exceptionDetails']}")
        return result["result"].get("value")

    async def wait_for(self, expression: str) -> Any:
        """Poll until the JavaScript `expression` is truthy and give its value; TimeoutError names it."""
        last: object = None
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_S):
                while True:
                    # An element has no JSON form of its own: it would come back as {}.
                    with suppress(ProtocolError):
                        if last := await self.evaluate(f"(v => v instanceof Node ? true : v)({expression})"):
                            return last
                    await asyncio.sleep(POLL_S)
        raise TimeoutError(f"never true: {expression}; last {last!r}; complaints {self.complaints}")

    async def open(self, url: str) -> None:
        """Go to `url` and wait until its scripts have run for the first time."""
        await self.command("Page.navigate", url=url)
        await self.wait_for("location.protocol === 'http:' && document.readyState === 'complete'")

    async def type_text(self, text: str) -> None:
        """Type into whatever has the focus."""
        await self.command("Input.insertText", text=text)

    async def screenshot(self, path: Path) -> None:
        """Write a PNG of the visible part."""
        png = base64.b64decode((await self.command("Page.captureScreenshot", format="png"))["data"])
        await asyncio.to_thread(path.write_bytes, png)

    async def read(self) -> None:
        """Hand out answers and keep events until the socket closes."""
        async for message in self.socket:
            content = message.json()
            if "method" in content:
                await self._keep(content["method"], content["params"])
            elif answer := self._answers.pop(content["id"], None):
                answer.set_result(content)

    async def _watch_worker(self, session_id: str) -> None:
        # A worker waits until it is watched; nobody awaits these answers.
        for method in ("Network.enable", "Runtime.enable", "Log.enable", "Runtime.runIfWaitingForDebugger"):
            await self._send({"sessionId": session_id, "method": method})

    async def _keep(self, method: str, params: dict[str, Any]) -> None:
        match method:
            case "Target.attachedToTarget":
                self.worker_urls.append(params["targetInfo"]["url"])
                await self._watch_worker(params["sessionId"])
            case "Network.requestWillBeSent":
                self.requested_urls.append(params["request"]["url"])
            case "Log.entryAdded":
                entry = params["entry"]
                self.complaints.append(f"{entry['source']} {entry['level']}: {entry['text']}")
            case "Runtime.exceptionThrown":
                self.complaints.append(f"exception: {params['exceptionDetails']}")
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                self.complaints.append(f"console {params['type']}: {params['args']}")
            case "Audits.issueAdded" if params["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.complaints.append(f"issue: {params['issue']}")


@asynccontextmanager
async def open_chromium(executable: str, profile: Path) -> AsyncIterator[Page]:
    """Start a browser of its own with an empty `profile` and give its one page; both end with the block."""
    process = await asyncio.create_subprocess_exec(
        executable,
        *FLAGS,
        f"--user-data-dir={profile}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        port = await _debugging_port(process, profile)
        async with aiohttp.ClientSession(trust_env=False) as session:
            url = await _page_url(session, port)
            async with session.ws_connect(url, max_msg_size=0) as socket:
                page = Page(socket)
                reader = asyncio.create_task(page.read())
                try:
                    for domain in ("Page", "Network", "Runtime", "Log", "Audits"):
                        await page.command(f"{domain}.enable")
                    await page.command(
                        "Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True
                    )
                    yield page
                finally:
                    await socket.close()
                    await reader
    finally:
        # The whole session: the renderers are children of their own.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def _debugging_port(process: asyncio.subprocess.Process, profile: Path) -> int:
    chosen = profile / "DevToolsActivePort"
    async with asyncio.timeout(START_S):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"chromium ended with {process.returncode} before it listened")
            with suppress(FileNotFoundError, IndexError):
                return int((await asyncio.to_thread(chosen.read_text)).splitlines()[0])
            await asyncio.sleep(POLL_S)


async def _page_url(session: aiohttp.ClientSession, port: int) -> str:
    async with asyncio.timeout(START_S):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                pages = [target for target in await response.json() if target["type"] == "page"]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(POLL_S)
