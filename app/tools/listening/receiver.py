"""Run a subscriber's endpoint for trying things out: receive POSTs and check their signatures."""

import queue
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from app.errors import TellgraphError
from app.kernel import clock
from app.tools.embedded.processes import wait_until
from app.tools.listening.deliveries import Delivery, VerifyingKeys, check_signature

_START_TIMEOUT_S = 10
_STOP_TIMEOUT_S = 5
#: A signal that comes just before a wait begins is noticed when that wait ends.
_LONGEST_WAIT_S = 0.5


class ListenError(TellgraphError):
    """The receiver can't start. The message says why."""

    code = "LISTEN"


@contextmanager
def running_receiver(
    *,
    keys: VerifyingKeys,
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
        signature, problem = check_signature(keys, headers, body)
        arrived.put(
            Delivery(
                path=path,
                headers=headers,
                body=body,
                received_at=clock.now(),
                received_s=time.perf_counter(),
                signature=signature,
                problem=problem,
            )
        )
        return PlainTextResponse("received\n", status)

    with _listening(host, port) as sock, _serving(receive, sock):
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{sock.getsockname()[1]}{path}", arrived


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
def _serving(receive: Callable[[Request], Awaitable[Response]], sock: socket.socket) -> Iterator[None]:
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


def wait_for_delivery(arrived: "queue.SimpleQueue[Delivery]") -> Delivery:
    """Wait for the next delivery, in waits so short that Ctrl-C ends them soon, whenever it comes."""
    while True:
        with suppress(queue.Empty):
            return arrived.get(timeout=_LONGEST_WAIT_S)
