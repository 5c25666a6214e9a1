import json
import os
import queue
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO, Any

import httpx
import pytest

from app.kernel import clock
from app.tools.listening.receiver import wait_for_delivery
from app.webhooks.domain.signing.signatures import delivery_headers
from app.webhooks.domain.signing.signing_key import generate_private_key, private_key, public_key
from app.webhooks.domain.signing.signing_secret import generate_secret, secret_key
from tests.support.forked_commands import ForkedProcess, fork_command, run_command
from tests.support.waiting import DEADLINE_S

post = partial(httpx.post, timeout=DEADLINE_S)
BODY = (
    b'{"type":"invoice.update","entity":{"type":"Invoice","id":"SW4="},'
    b'"changed":{"added":["shipments[U2g=]"]},"payload":{"data":null}}'
)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[ForkedProcess, IO[str], IO[str]]]:
    """`tellgraph listen`, its output, and what it says besides, as they come."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder) / "out", Path(folder) / "err"
        for pipe in (out, err):
            os.mkfifo(pipe)
        process = fork_command(["listen", *arguments], os.environ, out=out, err=err)
        with out.open() as lines, err.open() as said:
            try:
                yield process, lines, said
            finally:
                process.send_signal(signal.SIGTERM)
                if process.wait(DEADLINE_S) is None:
                    process.kill()
                    process.wait()


@contextmanager
def listening(*arguments: str) -> Iterator[tuple[str, IO[str]]]:
    """`tellgraph listen`; its URL, and its output."""
    with running("--no-headers", *arguments) as (_, lines, _said):
        yield lines.readline().split()[2].rstrip(","), lines


def signed(*secrets: str) -> list[tuple[str, str]]:
    """Headers with a signature by each secret, `whsec_` or `whsk_`."""
    return delivery_headers(
        event_id="event",
        timestamp=int(clock.now().timestamp()),
        body=BODY,
        keys=[secret_key(secret) for secret in secrets if secret.startswith("whsec_")],
        private_keys=[private_key(secret) for secret in secrets if secret.startswith("whsk_")],
        user_agent="test",
        sequence=7,
        attempt=2,
        digest="ab12",
        traceparent=None,
    )


def test_prints_a_verified_delivery() -> None:
    secret = generate_secret()
    with listening("--secret", secret) as (url, output):
        answer = post(url, content=BODY, headers=signed(secret))

        headline, added = output.readline(), output.readline()

    assert answer.status_code == 200
    assert "invoice.update  Invoice SW4=  sequence 7  attempt 2  signature verified" in headline
    assert added.split() == ["added", "shipments[U2g=]"]


def test_tells_a_signature_by_another_secret() -> None:
    with listening("--secret", generate_secret(), "--status", "503") as (url, output):
        answer = post(url, content=BODY, headers=signed(generate_secret()))

        headline = output.readline()

    assert answer.status_code == 503
    assert "signature BAD: no signature matches" in headline


def test_verifies_ed25519_by_the_public_key_alone() -> None:
    own, other = generate_private_key(), generate_private_key()
    with listening("--secret", public_key(own)) as (url, output):
        for headers in (signed(own), signed(generate_secret(), other, own), signed(other), signed(generate_secret())):
            post(url, content=BODY, headers=headers)

        headlines = list(islice((line for line in output if "invoice.update" in line), 4))

    verdicts = [line.partition("signature ")[2].strip() for line in headlines]
    bad = "BAD: no v1a signature matches: another public key, or a changed body"
    assert verdicts == ["verified", "verified", bad, bad]


def test_verifies_both_schemes_where_it_is_given_both() -> None:
    secret, own, other = generate_secret(), generate_private_key(), generate_private_key()
    with listening("--secret", secret, "--secret", public_key(own)) as (url, output):
        for headers in (signed(secret, own), signed(secret, other), signed(own), signed(generate_secret(), own)):
            post(url, content=BODY, headers=headers)

        headlines = list(islice((line for line in output if "invoice.update" in line), 4))

    shown = [line.partition("signature ")[2].partition(":")[0].strip() for line in headlines]
    assert shown == ["verified", "BAD", "BAD", "BAD"]


@pytest.mark.parametrize("secret", ["whpk_x", "whpk_" + "A" * 8, "whsk_" + "A" * 88, "secret"])
def test_names_a_key_that_is_none(secret: str) -> None:
    done = run_command(["listen", "--secret", secret], os.environ)

    assert done.returncode == 1
    assert ("public key" if secret.startswith("whpk_") else "signing secret") in " ".join(done.stderr.split())


def test_checks_nothing_without_a_secret_and_takes_one_path_only() -> None:
    with listening("--path", "hook") as (url, output):
        elsewhere = post(url.removesuffix("/hook") + "/other", content=BODY)
        post(url, content=b"\x1b[2Jno json")

        headline, body = output.readline(), output.readline()

    assert elsewhere.status_code == 404
    assert "POST /hook  not a webhook event" in headline
    assert "signature not checked" in headline
    assert body == "�[2Jno json\n"


def test_prints_headers_and_lines_of_json() -> None:
    secret = generate_secret()
    with listening("--secret", secret, "--headers") as (url, output):
        post(url, content=BODY, headers=signed(secret))
        shown = list(islice(output, 6))
    with running("--json", "--limit", "2") as (process, lines, said):
        url = said.readline().split()[2].rstrip(",")
        for content in (BODY, b"no json"):
            post(url, content=content, headers=signed(secret))
        first, second = map(json.loads, lines)
        status = process.wait(DEADLINE_S)

    assert "  webhook-id: event\n" in shown or "  content-type: application/json\n" in shown
    assert status == 0
    assert (first["signature"], first["headers"]["webhook-id"]) == ("not checked", "event")
    assert first["body"] == json.loads(BODY)
    assert second["body"] == "no json"


def test_ctrl_c_is_a_good_end() -> None:
    with running() as (process, lines, _):
        lines.readline()
        process.send_signal(signal.SIGINT)
        status = process.wait(DEADLINE_S)

    assert status == 0


class _InterruptedError(Exception):
    """Raised by a signal."""


def _interrupt(*_: object) -> None:
    raise _InterruptedError


def test_a_signal_that_wakes_no_wait_is_noticed_soon() -> None:
    # Another thread is given it, so that the wait of this one goes on: as with one that comes just before it begins.
    arrived: queue.SimpleQueue[Any] = queue.SimpleQueue()
    noticed = threading.Event()

    def send() -> None:
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        if not noticed.wait(DEADLINE_S):
            arrived.put(None)

    def wait() -> None:
        sender.start()
        wait_for_delivery(arrived)

    sender = threading.Timer(0.1, send)
    before = signal.signal(signal.SIGUSR1, _interrupt)
    try:
        with pytest.raises(_InterruptedError):
            wait()
    finally:
        noticed.set()
        sender.join()
        signal.signal(signal.SIGUSR1, before)


def test_names_a_port_that_is_taken() -> None:
    with listening() as (url, _):
        port = url.rstrip("/").rpartition(":")[2]

        second = run_command(["listen", "--port", port], os.environ)

    assert second.returncode == 1
    assert f"port {port}: Address already in use" in " ".join(second.stderr.split())
