"""Every block of the page “Getting started” is run, in its order, by a shell, as a reader would."""

import asyncio
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.pages import page
from tests.support.platform import Platform
from tests.support.waiting import COMMAND_DEADLINE_S

#: The first block starts the server, which is the test's own here.
START_SERVER, *BLOCKS = page("app/docs/getting-started.md").blocks("sh")
#: The block that starts the receiver, in each language. A reader takes one of them.
RECEIVE = {"python": ".venv/bin/python .tellgraph/receiver.py\n", "node": "node .tellgraph/receiver.mjs\n"}

#: `receive` starts the receiver as the third terminal would, and waits until it listens; `told` waits for a line of it.
TERMINAL = """
set -eu
mkdir .tellgraph
trap 'kill $receiver 2>/dev/null || true' EXIT
listens() { .venv/bin/python -c 'import socket; socket.create_connection(("127.0.0.1", PORT)).close()' 2>/dev/null; }
receive() {
  RECEIVE > received 2>&1 &
  receiver=$!
  until listens; do sleep 0.05; done
}
told() { until grep -q "$1" received; do sleep 0.05; done; }
stop() { kill $receiver; wait $receiver || true; cat received; }
"""


def story(blocks: Sequence[str], *, language: str, url: str, port: int) -> str:
    """The blocks as one script, for an API and a receiver elsewhere than the page has them."""
    receive = RECEIVE[language]
    blocks = [one for one in blocks if one == receive or one not in RECEIVE.values()]
    assert blocks.count(receive) == 2, "the receiver is started twice"
    assert "make serve" in START_SERVER
    first = blocks.index(receive)
    second = blocks.index(receive, first + 1)
    register, ship = blocks[:first], blocks[first + 1 : first + 3]
    refund, look = blocks[first + 3 : second]
    replay, go_live = blocks[second + 1 :]
    parts = [
        *(TERMINAL.replace("RECEIVE", receive.strip()), *register, "receive\n"),
        *(*ship, 'told "^new invoice.update"\n', "stop\n"),
        *(refund, until(look, "RETRYING"), "receive\n"),
        *(replay, 'told "^[a-z]* invoice.update"\n', until(look, "DELIVERED")),
        *(replay, 'told "^again invoice.update"\n', "stop\n", go_live),
    ]
    script = "".join(parts)
    return script.replace("http://127.0.0.1:8000", url).replace("9000", str(port)).replace("PORT", str(port))


def until(look: str, state: str) -> str:
    """The block that looks at the event, again and again until it is in this state."""
    return f"until {{ {look} grep -q {state} .tellgraph/events.json; }}; do sleep 0.05; done\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize("language", RECEIVE)
async def test_getting_started_works_by_copy_and_paste(platform: Platform, tmp_path: Path, language: str) -> None:
    if language == "node" and shutil.which("node") is None:
        pytest.skip("needs node, which runs this receiver")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    settings = platform.settings
    environment = {
        **os.environ,
        "TELLGRAPH_DATABASE_URL": str(settings.database_url),
        "TELLGRAPH_REDIS_URL": str(settings.redis_url),
        "TELLGRAPH_SECRET_KEY": str(settings.secret_key),
    }
    script = story(BLOCKS, language=language, url=platform.url, port=free_port())

    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", script),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(COMMAND_DEADLINE_S):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    told = output.decode()

    assert process.returncode == 0, told
    # The shipment, the refund request, the replay of what was delivered. What waited may be in flight just then.
    assert told.count('"status":200') >= 3
    assert "The endpoint refused the connection: nothing listens on its port." in told
    assert '"trackingNumber": "SP1234567"' in told
    assert '"refundRequests": [\n    {' in told
    live = json.loads((tmp_path / ".tellgraph" / "live.json").read_text())["data"]["webhookUpdate"]
    assert (live["status"], live["errors"]) == (200, None)
    assert live["hmacKey"].startswith("whsec_")
    assert live["hmacKey"] != (tmp_path / ".tellgraph" / "secret").read_text().strip()
