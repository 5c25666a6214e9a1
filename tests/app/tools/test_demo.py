import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import psutil
from graphql import parse, validate

from app.tools.demo import story
from app.tools.embedded import embedded_servers
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.stored.validate import stored_query
from tests.support.prepared_cluster import copy_prepared_cluster
from tests.support.waiting import COMMAND_DEADLINE_S, DEADLINE_S

TELLGRAPH = str(Path(sys.executable).with_name("tellgraph"))


def environment(data_dir: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "TELLGRAPH_DATA_DIR": str(data_dir), **more}


def left_running(data_dir: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            of_directory = process.environ().get("TELLGRAPH_DATA_DIR") == str(data_dir)
            if of_directory or str(data_dir) in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:
            continue
    return found


def run_once(data_dir: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TELLGRAPH, "demo", "--once"],
        env=environment(data_dir, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_DEADLINE_S,
    )


def console_of(printed: Sequence[str]) -> tuple[str, str]:
    """The address and the key in the line that names the console, which opens on an event."""
    (console,) = [line for line in printed if line.startswith("Console ")]
    found = re.search(r"(http\S+)/events/V2ViaG9va0V2ZW50L\S+#key=(tgk_\S+)$", console.rstrip())
    assert found, console
    return found[1], found[2]


def follow_a_test(url: str, key: str) -> Any:
    """Watch the activity by a stream, have a test sent, and return the first thing that the stream says."""
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=DEADLINE_S) as api:

        def ask(query: str) -> Any:
            return api.post("/graphql", json={"query": query}).raise_for_status().json()["data"]

        (webhook, *_) = ask("{ webhooks { nodes { id } } }")["webhooks"]["nodes"]
        watched = {"query": "subscription { webhookActivity { eventName } }"}
        with api.stream("POST", "/graphql", json=watched, headers={"Accept": "text/event-stream"}) as stream:
            test = f'mutation {{ webhookTest(input: {{webhookId: "{webhook["id"]}"}}) {{ status }} }}'
            assert ask(test)["webhookTest"]["status"] == 200
            line = next(line for line in stream.iter_lines() if line.startswith("data: {"))
    return json.loads(line.removeprefix("data: "))["data"]


def test_documents_fit_the_schema() -> None:
    documents = [value for name, value in vars(story).items() if name.isupper() and isinstance(value, str)]

    errors = [error for document in documents for error in validate(schema._schema, parse(document))]

    assert len(documents) == 9
    assert errors == []
    assert stored_query(schema._schema, story.INVOICE_QUERY, WebhookKlass.INVOICE).entity_type == "Invoice"
    assert stored_query(schema._schema, story.VARIANT_QUERY, WebhookKlass.VARIANT).entity_type == "Variant"


def test_ends_after_a_verified_delivery_and_the_next_run_uses_its_data(data_dir: Path) -> None:
    first = run_once(data_dir)
    second = run_once(data_dir)

    assert first.returncode == 0, first.stdout + first.stderr
    assert "signature verified" in first.stdout
    assert "seeded 5 sellers" in first.stdout
    assert second.returncode == 0, second.stdout + second.stderr
    assert "signature verified" in second.stdout
    assert "it is used as it is" in second.stdout
    assert left_running(data_dir) == []


def test_killed_it_takes_api_and_worker_with_it(data_dir: Path) -> None:
    # The first start is another test's.
    copy_prepared_cluster(data_dir)
    with subprocess.Popen([TELLGRAPH, "demo"], env=environment(data_dir), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        printed = list(takewhile(lambda line: not line.startswith("Ctrl-C"), process.stdout))
        own = [one for one in left_running(data_dir) if "app.tools.demo.child" in one.cmdline()]
        process.kill()

    console_of(printed)
    _, alive = psutil.wait_procs(own, timeout=DEADLINE_S)
    # The servers are left to the next run, which here only ends them.
    with embedded_servers(data_dir):
        pass
    assert len(own) == 2
    assert alive == []
    assert left_running(data_dir) == []


def test_names_a_worker_that_dies(data_dir: Path) -> None:
    copy_prepared_cluster(data_dir)
    command, settings = [TELLGRAPH, "demo"], environment(data_dir)
    with subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        next(line for line in process.stdout if line.startswith("Ctrl-C"))
        (worker,) = [one for one in left_running(data_dir) if one.cmdline()[-1] == "worker"]
        worker.kill()
        _, error = process.communicate(timeout=COMMAND_DEADLINE_S)

    assert process.returncode == 1
    assert "the worker has ended with status -9" in " ".join(error.split())
    assert left_running(data_dir) == []


def test_stays_until_it_is_told_to_end(data_dir: Path) -> None:
    copy_prepared_cluster(data_dir)
    with subprocess.Popen([TELLGRAPH, "demo"], env=environment(data_dir), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("Ctrl-C"):
                break
        told = follow_a_test(*console_of(lines))
        process.send_signal(signal.SIGTERM)
        status = process.wait(COMMAND_DEADLINE_S)

    assert status == 143
    assert told["webhookActivity"]["eventName"] == "test"
    assert any(line.startswith("Median: the POST arrives") for line in lines)
    assert left_running(data_dir) == []
