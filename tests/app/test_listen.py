import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from app import clock
from app.domain.signing_secret import generate_secret, secret_key
from workers.signing import delivery_headers

TELLGRAPH = Path(sys.executable).with_name("tellgraph")
BODY = (
    b'{"type":"invoice.update","entity":{"type":"Invoice","id":"SW4="},'
    b'"changed":{"added":["shipments[U2g=]"]},"payload":{"data":null}}'
)


@contextmanager
def listening(*arguments: str) -> Iterator[tuple[str, IO[str]]]:
    """`tellgraph listen`; its URL, and its output."""
    with subprocess.Popen(
        [TELLGRAPH, "listen", *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2].rstrip(","), process.stdout
        finally:
            process.terminate()


def signed(secret: str) -> list[tuple[str, str]]:
    return delivery_headers(
        event_id="event",
        timestamp=int(clock.now().timestamp()),
        body=BODY,
        keys=[secret_key(secret)],
        user_agent="test",
        sequence=7,
        attempt=2,
        traceparent=None,
    )


def test_prints_a_verified_delivery() -> None:
    secret = generate_secret()
    with listening("--secret", secret) as (url, output):
        answer = httpx.post(url, content=BODY, headers=signed(secret))

        headline, added = output.readline(), output.readline()

    assert answer.status_code == 200
    assert "invoice.update  Invoice SW4=  sequence 7  attempt 2  signature verified" in headline
    assert added.split() == ["added", "shipments[U2g=]"]


def test_tells_a_signature_by_another_secret() -> None:
    with listening("--secret", generate_secret(), "--status", "503") as (url, output):
        answer = httpx.post(url, content=BODY, headers=signed(generate_secret()))

        headline = output.readline()

    assert answer.status_code == 503
    assert "signature BAD: no signature matches" in headline


def test_checks_nothing_without_a_secret_and_takes_one_path_only() -> None:
    with listening("--path", "hook") as (url, output):
        elsewhere = httpx.post(url.removesuffix("/hook") + "/other", content=BODY)
        httpx.post(url, content=b"\x1b[2Jno json")

        headline, body = output.readline(), output.readline()

    assert elsewhere.status_code == 404
    assert "POST /hook  not a webhook event" in headline
    assert "signature not checked" in headline
    assert body == "�[2Jno json\n"


def test_names_a_port_that_is_taken() -> None:
    with listening() as (url, _):
        port = url.rstrip("/").rpartition(":")[2]

        second = subprocess.run([TELLGRAPH, "listen", "--port", port], capture_output=True, text=True, check=False)

    assert second.returncode == 1
    assert f"port {port}: Address already in use" in " ".join(second.stderr.split())
