"""`tellgraph serve` and `worker`: where they serve, what they wait for, and what ends them at once."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.cli.processes.serving import bind
from app.errors import TellgraphError
from tests.support.forked_commands import ForkedProcess, fork_command
from tests.support.platform import SECRET_KEY
from tests.support.servers import PrivateServers
from tests.support.waiting import DEADLINE_S, until


@dataclass(slots=True, kw_only=True)
class Running:
    """A command that runs until it is stopped, and what it prints."""

    process: ForkedProcess
    log: Path

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = (json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [line for line in found if line["event"] == event]

    async def wait_for(self, text: str) -> str:
        """Everything that it has printed, as soon as the text is among it."""

        async def printed() -> str:
            found = self.log.read_text()
            assert text in found or self.process.poll() is None, found
            return found if text in found else ""

        return await until(printed)

    async def stop(self) -> int | None:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, DEADLINE_S)


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Iterator[Running]:
    log = folder / "log"
    environment = {**os.environ, **{f"TELLGRAPH_{name.upper()}": value for name, value in settings.items()}}
    process = fork_command(arguments, environment, out=log, err=log)
    try:
        yield Running(process=process, log=log)
    finally:
        process.kill()
        process.wait()


def external(database_url: str, redis_url: str) -> dict[str, str]:
    return {"database_url": database_url, "redis_url": redis_url, "secret_key": SECRET_KEY}


async def test_says_where_it_serves_when_it_is_ready(tmp_path: Path, database_url: str, redis_url: str) -> None:
    with running(tmp_path, "serve", "--port", "0", **external(database_url, redis_url)) as serving:
        await serving.wait_for("serve.ready")
        (ready,) = serving.lines("serve.ready")
        async with httpx.AsyncClient(timeout=DEADLINE_S) as client:
            answer = await client.get(ready["url"].replace("/graphql", "/readyz"))
            # The limits on connections hold in the process that operators run.
            too_large = await client.get(ready["url"], headers={"X-Large": "x" * 40_000})
        status = await serving.stop()

    assert answer.json() == {"status": "ok"}
    assert too_large.status_code == 431
    assert status == 128 + signal.SIGTERM


async def test_says_so_to_a_person_with_the_console_and_how_to_make_a_key(
    tmp_path: Path, database_url: str, redis_url: str
) -> None:
    settings = {**external(database_url, redis_url), "log_format": "console", "host": "localhost", "port": "0"}
    with running(tmp_path, "serve", **settings) as serving:
        printed = await serving.wait_for("Ctrl-C stops it.")
        await serving.stop()

    said = printed.splitlines()
    assert said[0] == "Tellgraph is ready."
    assert said[1].startswith("  API      http://localhost:")
    assert said[1].endswith("/graphql")
    assert [line.split()[0] for line in said[2:4]] == ["Console", "Key"]


async def test_waits_for_postgresql_and_says_so_once(tmp_path: Path, private_servers: PrivateServers) -> None:
    settings = external(private_servers.database_url, private_servers.redis_url)
    await asyncio.to_thread(private_servers.postgres.stop)
    with running(tmp_path, "serve", "--port", "0", **settings) as serving:
        await serving.wait_for("serve.waiting_for_postgresql")
        await asyncio.to_thread(private_servers.postgres.start)
        printed = await serving.wait_for("serve.ready")
        await serving.stop()

    assert len(serving.lines("serve.waiting_for_postgresql")) == 1
    assert len(serving.lines("serve.reached_postgresql")) == 1
    assert "Traceback" not in printed


async def test_can_be_stopped_while_it_waits(tmp_path: Path, redis_url: str) -> None:
    settings = external("postgresql://127.0.0.1:1/shop", redis_url)
    with running(tmp_path, "serve", "--port", "0", **settings) as serving:
        await serving.wait_for("serve.waiting_for_postgresql")

        assert await serving.stop() == 128 + signal.SIGTERM


async def test_a_port_in_use_is_told_before_anything_starts(tmp_path: Path, data_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running(tmp_path, "serve", "--port", str(port), data_dir=str(data_dir)) as serving:
            status = await asyncio.to_thread(serving.process.wait, DEADLINE_S)

    assert status == 1
    assert serving.log.read_text() == (
        f"tellgraph: 127.0.0.1:{port} is in use by another program."
        " Choose another port: --port 8001, or TELLGRAPH_PORT; 0 is any.\n"
    )
    assert list(data_dir.parent.iterdir()) == []


async def test_a_worker_alone_makes_its_own_database(tmp_path: Path, data_dir: Path) -> None:
    with running(tmp_path, "worker", data_dir=str(data_dir)) as worker:
        printed = await worker.wait_for("worker.started")
        status = await worker.stop()

    assert status == 0
    assert "Traceback" not in printed


def test_all_addresses_of_a_host_share_a_port() -> None:
    sockets = bind("localhost", 0)
    try:
        ports = {one.getsockname()[1] for one in sockets}
    finally:
        for one in sockets:
            one.close()

    assert len(ports) == 1


@pytest.mark.parametrize(
    ("host", "why"),
    [("192.0.2.1", "Cannot assign requested address"), ("no-such-host.invalid", "")],
)
def test_an_address_of_another_machine_is_refused(host: str, why: str) -> None:
    with pytest.raises(TellgraphError, match=rf"{host}:8000 can't be listened on: {why}.*See --host and --port."):
        bind(host, 8000)
