"""Serve the API on sockets that are bound before anything else starts, and say when and where it is ready."""

import errno
import socket
from collections.abc import Sequence
from contextlib import ExitStack, suppress

import structlog
import uvicorn
from starlette.applications import Starlette

from app.cli.messages import err
from app.console import is_built
from app.errors import TellgraphError
from app.http.limits.connections import server_config
from app.kernel.error_reason import reason_of
from app.settings import Settings
from app.telemetry.logs import is_for_people

_log = structlog.get_logger()
_ALL_ADDRESSES = ("", "0.0.0.0", "::")


def bind(host: str, port: int) -> list[socket.socket]:
    """Bind a socket for each address of a host, all on one port. They do not listen yet.

    Args:
        port: 0 picks a free one.

    Raises:
        TellgraphError: The address is in use, or not this machine's.
    """
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        try:
            found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            for family, kind, protocol, _, address in dict.fromkeys(found):
                one = stack.enter_context(socket.socket(family, kind, protocol))
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    # Otherwise it takes the IPv4 address as well, which has a socket of its own here.
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind((address[0], sockets[0].getsockname()[1] if sockets else port, *address[2:]))
                sockets.append(one)
        except OSError as error:
            raise TellgraphError(_refusal(host, port, error)) from error
        stack.pop_all()
    return sockets


def serve_api(api: Starlette, settings: Settings, sockets: Sequence[socket.socket]) -> None:
    """Serve until SIGTERM or Ctrl-C. Raise TellgraphError if another program has taken the port meanwhile."""
    server = _Server(server_config(api, settings), settings)
    try:
        with suppress(KeyboardInterrupt):
            server.run(sockets=list(sockets))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise TellgraphError(_refusal(settings.host, sockets[0].getsockname()[1], error)) from error


class _Server(uvicorn.Server):
    """uvicorn's server, which says that it is ready."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started and sockets:
            _say_ready(self._settings, sockets[0].getsockname()[1])


def _say_ready(settings: Settings, port: int) -> None:
    host = "127.0.0.1" if settings.host in _ALL_ADDRESSES else settings.host
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    if not is_for_people(settings):
        _log.info("serve.ready", url=f"{url}/graphql", console=is_built())
        return
    console = f"{url}/" if is_built() else "not built here; `make console` builds it"
    for line in (
        "Tellgraph is ready.",
        f"  API      {url}/graphql",
        f"  Console  {console}",
        "  Key      tellgraph keys create --name me",
        "Ctrl-C stops it.",
    ):
        err.print(line, markup=False, soft_wrap=True)


def _refusal(host: str, port: int, error: OSError) -> str:
    place = f"{f'[{host}]' if ':' in host else host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{place} is in use by another program. Choose another port: --port 8001, or TELLGRAPH_PORT; 0 is any."
    return f"{place} can't be listened on: {reason_of(error)}. See --host and --port."
