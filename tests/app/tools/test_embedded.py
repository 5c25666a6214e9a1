import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE

import asyncpg
import psutil
import pytest
from redis import Redis

from app.tools.embedded import EmbeddedPostgres, EmbeddedRedis, EmbeddedServerError, Servers, embedded_servers
from app.tools.embedded.processes import has_ended, wait_until
from tests.support.servers import PrivateServers
from tests.support.waiting import DEADLINE_S

# Another process of the same checkout: tells where its servers are, and keeps them until its input ends.
_OTHER_PROCESS = """
import signal
import sys
from pathlib import Path
from app.tools.embedded import embedded_servers
# Whoever runs the tests in the background has it ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
with embedded_servers(Path(sys.argv[1]), durable=False) as servers:
    print(servers.database_url, flush=True)
    sys.stdin.read()
"""


@contextmanager
def other_process(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-c", _OTHER_PROCESS, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()


def query(url: str, statement: str) -> object:
    async def run() -> object:
        conn = await asyncpg.connect(url)
        try:
            return await conn.fetchval(statement)
        finally:
            await conn.close()

    return asyncio.run(run())


def answers(servers: Servers) -> bool:
    with Redis.from_url(servers.redis_url) as redis:
        return query(servers.database_url, "SELECT 1") == 1 and redis.ping() is True


def server_processes(data_dir: Path) -> list[psutil.Process]:
    """Both servers, then their children, of which PostgreSQL ends some by itself at any time."""
    pids = [json.loads((data_dir / f"{name}.json").read_text())["pid"] for name in ("postgres", "redis")]
    parents = [psutil.Process(pid) for pid in pids]
    return [*parents, *(child for each in parents for child in each.children(recursive=True))]


def running(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and not has_ended(each.pid)]


def test_starts_servers_that_answer_and_leaves_nothing_running(data_dir: Path) -> None:
    with embedded_servers(data_dir, durable=False) as servers:
        did_answer = answers(servers)
        processes = server_processes(data_dir)

    assert did_answer
    assert len(processes) > 2
    assert running(processes) == []


def test_keeps_data_and_secret_key_for_the_next_start(data_dir: Path) -> None:
    with embedded_servers(data_dir) as first:
        query(first.database_url, "CREATE TABLE kept AS SELECT 42 AS value")

    with embedded_servers(data_dir) as second:
        value = query(second.database_url, "SELECT value FROM kept")

    assert value == 42
    assert second == first
    assert len(b64decode(second.secret_key)) == 32


def test_closes_secrets_to_other_users(data_dir: Path) -> None:
    with embedded_servers(data_dir, durable=False) as servers:
        shown = repr(servers)

    modes = {name: S_IMODE((data_dir / name).stat().st_mode) for name in ("secret_key", "postgres.password")}
    assert modes == {"secret_key": 0o600, "postgres.password": 0o600}
    assert S_IMODE(data_dir.stat().st_mode) & 0o066 == 0
    assert servers.secret_key not in shown


def test_refuses_connections_without_the_password(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres, EmbeddedRedis(data_dir) as redis:
        with pytest.raises(asyncpg.InvalidPasswordError):
            query(f"postgresql://tellgraph:wrong@127.0.0.1:{postgres.port}/tellgraph", "SELECT 1")
        with (
            Redis(host="127.0.0.1", port=redis.port or 0) as client,
            pytest.raises(Exception, match="Authentication required"),
        ):
            client.ping()


def test_attaches_to_the_servers_of_a_living_process_and_leaves_them_running(data_dir: Path) -> None:
    with other_process(data_dir) as (_, url):
        with embedded_servers(data_dir) as attached:
            processes = server_processes(data_dir)
        survivors = running(processes[:2])
        answer = query(url, "SELECT 1")

    assert attached.database_url == url
    assert survivors == processes[:2]
    assert answer == 1
    assert running(processes) == []


def test_takes_over_the_servers_of_a_killed_process_and_stops_them(data_dir: Path) -> None:
    with other_process(data_dir) as (process, url):
        processes = server_processes(data_dir)
        process.kill()

    before = running(processes[:2])
    with embedded_servers(data_dir) as servers:
        did_answer = answers(servers)

    assert before == processes[:2]
    assert did_answer
    assert servers.database_url == url
    assert running(processes) == []


def test_two_processes_that_start_at_once_share_one_pair_of_servers(data_dir: Path) -> None:
    command = [sys.executable, "-c", _OTHER_PROCESS, str(data_dir)]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]

    urls = {each.stdout.readline() for each in both if each.stdout}
    for each in both:
        each.communicate()

    assert len(urls) == 1
    assert [each.returncode for each in both] == [0, 0]


def test_two_data_directories_run_side_by_side(data_dir: Path) -> None:
    other_dir = data_dir.with_name("other")

    with (
        embedded_servers(data_dir, durable=False) as one,
        embedded_servers(other_dir, durable=False) as other,
    ):
        query(one.database_url, "CREATE TABLE of_one ()")
        found = query(other.database_url, "SELECT to_regclass('of_one')::text")
        both_answer = answers(one) and answers(other)

    assert found is None
    assert both_answer


def test_a_copy_of_a_running_directory_gets_servers_of_its_own(data_dir: Path) -> None:
    copy = data_dir.with_name("copy")

    with embedded_servers(data_dir, durable=False) as original:
        subprocess.run(["cp", "-a", str(data_dir), str(copy)], check=True)
        with embedded_servers(copy, durable=False) as copied:
            ports_differ = copied.database_url != original.database_url
            redis_differs = copied.redis_url != original.redis_url
        original_answers = answers(original)

    assert ports_differ
    assert redis_differs
    assert original_answers


def test_recovers_from_a_killed_server_and_a_half_made_cluster(data_dir: Path) -> None:
    left_behind = data_dir / "postgres-new-killed"
    (left_behind / "cluster").mkdir(parents=True)

    with EmbeddedPostgres(data_dir) as postgres:
        query(postgres.url(), "CREATE TABLE kept AS SELECT 42 AS value")
        postgres.stop("kill")
        had_pid_file = (postgres.cluster_dir / "postmaster.pid").exists()
    with EmbeddedPostgres(data_dir) as restarted:
        value = query(restarted.url(), "SELECT value FROM kept")

    assert had_pid_file
    assert value == 42
    assert not left_behind.exists()


def test_a_pid_file_that_names_a_strangers_process_does_not_prevent_the_start(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir, durable=False) as postgres:
        postgres.stop("kill")
    pid_file = postgres.cluster_dir / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    with subprocess.Popen(["sleep", "60"], user=pid_file.stat().st_uid) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")

        with EmbeddedPostgres(data_dir, durable=False) as restarted:
            answer = query(restarted.url(), "SELECT 1")
        was_spared = stranger.poll() is None
        stranger.kill()

    assert answer == 1
    assert was_spared


@pytest.mark.faults
@pytest.mark.parametrize("mode", ["fast", "immediate", "kill"])
def test_restart_keeps_committed_rows_and_the_port(private_servers: PrivateServers, mode: str) -> None:
    url = private_servers.database_url
    query(url, "CREATE TABLE kept AS SELECT 42 AS value")

    private_servers.postgres.restart(mode)  # type: ignore[arg-type]  # a parametrized mode is a plain str
    private_servers.redis.restart(mode)  # type: ignore[arg-type]

    assert private_servers.database_url == url
    assert query(url, "SELECT value FROM kept") == 42


@pytest.mark.faults
def test_a_stopped_server_refuses_connections_until_it_is_started_again(
    private_servers: PrivateServers,
) -> None:
    url = private_servers.database_url
    private_servers.postgres.stop()
    with pytest.raises(ConnectionRefusedError):
        query(url, "SELECT 1")

    private_servers.postgres.start()

    assert query(url, "SELECT 1") == 1


def test_ctrl_c_in_the_terminal_does_not_reach_the_servers(data_dir: Path) -> None:
    command = [sys.executable, "-c", _OTHER_PROCESS, str(data_dir)]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        processes = server_processes(data_dir)
        sessions = {os.getsid(each.pid) for each in processes}
        os.killpg(process.pid, signal.SIGINT)
        process.wait(DEADLINE_S)

    assert process.pid not in sessions
    assert wait_until(lambda: running(processes) == [], 1)
    assert "fast shutdown" in (data_dir / "postgres.log").read_text()


def test_an_attached_process_may_not_restart_the_server(data_dir: Path) -> None:
    with (
        EmbeddedRedis(data_dir),
        EmbeddedRedis(data_dir) as attached,
        pytest.raises(EmbeddedServerError, match="belongs to another process"),
    ):
        attached.restart()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands PostgreSQL over to another user")
def test_root_can_keep_data_below_a_directory_closed_to_others(data_dir: Path) -> None:
    closed = data_dir.with_name("closed")
    closed.mkdir(mode=0o700)

    with EmbeddedPostgres(closed / "data", durable=False) as postgres:
        answer = query(postgres.url(), "SELECT 1")
    shutil.rmtree(postgres.cluster_dir.parent)

    assert answer == 1
    assert S_IMODE(closed.stat().st_mode) == 0o700
    assert closed not in postgres.cluster_dir.parents
