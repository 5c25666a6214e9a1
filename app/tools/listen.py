"""Run a subscriber's endpoint for trying things out: receive POSTs, check their signatures, and print them."""

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import orjson
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console
from rich.json import JSON
from rich.text import Text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.errors import InvalidInput, TellgraphError
from app.kernel import clock
from app.kernel.parsed_json import ParsedJson
from app.tools.embedded.processes import wait_until
from app.webhooks.domain.signing.signing_key import PUBLIC_PREFIX, verifying_key
from app.webhooks.domain.signing.signing_secret import check_secret, secret_key


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyingKeys:
    """The keys for `v1` and `v1a` signatures. Without keys, signatures are not checked."""

    shared: tuple[bytes, ...] = ()
    public: tuple[Ed25519PublicKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.shared or self.public)


Verify = Callable[[VerifyingKeys, Mapping[str, str], bytes], str | None]
"""Keys, headers, body → what is wrong with the signature; None when one of the keys of each kind has made it."""

_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5
_MAX_SHOWN_CHARS = 2_000


class Signature(StrEnum):
    """The result of checking a signature."""

    VERIFIED = "verified"
    BAD = "BAD"
    NOT_CHECKED = "not checked"


class ListenError(TellgraphError):
    """The receiver can't start. The message says why."""

    code = "LISTEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST as it arrived, with header names in lower case.

    Attributes:
        received_s: `time.perf_counter()` when it was read.
        problem: Why the signature is BAD; None otherwise.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    received_s: float
    signature: Signature
    problem: str | None = None

    @property
    def json(self) -> ParsedJson:
        """The body as JSON; None if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


def verifying_keys(secrets: Sequence[str]) -> VerifyingKeys:
    """Read signing secrets (`whsec_`) and public keys (`whpk_`). Raise InvalidInput for any other text."""
    public = [text for text in secrets if text.startswith(PUBLIC_PREFIX)]
    shared = [text for text in secrets if text not in public]
    for secret in shared:
        if problems := check_secret(secret):
            raise InvalidInput(f"The signing secret {'; '.join(problems)}.")
    try:
        decoded = tuple(verifying_key(text) for text in public)
    except ValueError as error:
        raise InvalidInput(f"The public key is none: {error}.") from error
    return VerifyingKeys(shared=tuple(secret_key(secret) for secret in shared), public=decoded)


@contextmanager
def running_receiver(
    *,
    keys: VerifyingKeys,
    verify: Verify,
    host: str = "127.0.0.1",
    port: int = 0,
    path: str = "/",
    status: int = 200,
) -> Iterator[tuple[str, "queue.SimpleQueue[Delivery]"]]:
    """Receive POSTs in a thread while the context is open. Yield the URL, and the queue of deliveries.

    Args:
        keys: The keys to check signatures with; none: signatures are not checked.
        port: The port; 0 picks a free one.
        path: The only path; all others answer 404.
        status: The status of every answer.

    Raises:
        ListenError: The port is taken.
    """
    arrived: queue.SimpleQueue[Delivery] = queue.SimpleQueue()

    async def receive(request: Request) -> Response:
        if request.url.path != path:
            return PlainTextResponse(f"the receiver's path is {path}\n", 404)
        body = await request.body()
        headers = dict(request.headers)
        problem = verify(keys, headers, body) if keys else None
        arrived.put(
            Delivery(
                path=path,
                headers=headers,
                body=body,
                received_at=clock.now(),
                received_s=time.perf_counter(),
                signature=_signature(keys, problem),
                problem=problem,
            )
        )
        return PlainTextResponse("received\n", status)

    with _listening(host, port) as sock, _serving(receive, sock):
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{sock.getsockname()[1]}{path}", arrived


def _signature(keys: VerifyingKeys, problem: str | None) -> Signature:
    if not keys:
        return Signature.NOT_CHECKED
    return Signature.VERIFIED if problem is None else Signature.BAD


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        sock = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ListenError(f"The receiver can't listen on {host}, port {port}: {error.strerror}.") from error
    with sock:
        yield sock


@contextmanager
def _serving(receive: Callable[[Request], Any], sock: socket.socket) -> Iterator[None]:
    app = Starlette(routes=[Route("/{path:path}", receive, methods=["POST"])])
    # uvicorn's own log is off, because deliveries are printed anyhow.
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        if not wait_until(lambda: server.started or not thread.is_alive(), _START_TIMEOUT_S) or not server.started:
            raise ListenError("The receiver does not start.")
        yield
    finally:
        # The end does not wait for idle connections.
        server.should_exit = server.force_exit = True
        thread.join(_STOP_TIMEOUT_S)


def show(delivery: Delivery, console: Console) -> None:
    """Print one POST: its time, entity, signature, changes and payload."""
    body = delivery.json
    if not isinstance(body, dict) or "payload" not in body:
        console.print(_headline(delivery, {}), soft_wrap=True)
        console.print(Text(_printable(delivery.body.decode(errors="replace"))), soft_wrap=True)
        return
    console.print(_headline(delivery, body), soft_wrap=True)
    for kind, paths in _changes(body.get("changed")):
        console.print(Text.assemble(("  " + kind.ljust(8), "cyan"), _printable(", ".join(paths))), soft_wrap=True)
    console.print(JSON.from_data(body["payload"], indent=2), soft_wrap=True)
    console.print()


def _headline(delivery: Delivery, body: Mapping[str, Any]) -> Text:
    entity = body.get("entity")
    named = f"{entity.get('type')} {entity.get('id')}" if isinstance(entity, dict) else "not a webhook event"
    styles = {Signature.VERIFIED: "green", Signature.BAD: "bold red", Signature.NOT_CHECKED: "yellow"}
    return Text.assemble(
        (delivery.received_at.astimezone().strftime("%H:%M:%S.%f")[:-3], "dim"),
        "  ",
        (_printable(str(body.get("type", f"POST {delivery.path}"))), "bold"),
        f"  {_printable(named)}",
        f"  sequence {_header(delivery, 'tellgraph-sequence')}",
        f"  attempt {_header(delivery, 'tellgraph-attempt')}",
        "  ",
        (f"signature {delivery.signature}", styles[delivery.signature]),
        f": {delivery.problem}" if delivery.problem else "",
    )


def _changes(changed: object) -> Iterator[tuple[str, list[str]]]:
    if isinstance(changed, dict):
        for kind in ("added", "updated", "removed"):
            if isinstance(paths := changed.get(kind), list) and paths:
                yield kind, [str(path) for path in paths]


def _header(delivery: Delivery, name: str) -> str:
    return _printable(delivery.headers.get(name, "–"))


def _printable(text: str) -> str:
    """Return a text for the terminal: cut, and without control characters."""
    shown = "".join(character if character.isprintable() or character == "\n" else "�" for character in text)
    return shown if len(shown) <= _MAX_SHOWN_CHARS else f"{shown[:_MAX_SHOWN_CHARS]} …"
