"""A DNS server and a receiver on loopback, and the addresses that POSTs tried to connect to."""

import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network

import httpx

from app.webhooks.domain.endpoints.address import Network
from tests.support.dns_server import DnsServer, dns_server
from tests.support.hostile import OK, HostileServer, answering, hostile_server
from workers.http.dns import TRIES
from workers.http.transport import create_transport

#: One address of loopback plays the public internet where a case says so; all others stay inside.
OUTSIDE = "127.0.0.1"
OPEN: tuple[Network, ...] = (ip_network("127.0.0.1/32"),)
HOST = "hooks.example.com"
_connects: list[tuple[str, int]] = []


def _see_connect(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.connect" and isinstance(address := arguments[1], tuple):
        _connects.append((str(address[0]), int(address[1])))


# The interpreter tells of each connect() before the system is asked, whatever the address: an inside
# receiver could listen on a few of them only. A hook can't be taken back.
sys.addaudithook(_see_connect)


def connects_to(port: int) -> list[str]:
    """The addresses that connections to a port were tried to, since the last scene was opened."""
    return [address for address, number in _connects if number == port]


@dataclass(frozen=True, slots=True)
class Scene:
    """A DNS server, and a receiver on 127.0.0.1 that answers 200."""

    dns: DnsServer
    receiver: HostileServer
    transports: list[httpx.AsyncBaseTransport] = field(default_factory=list)

    def transport(self, *, allowed: Sequence[Network] = (), tries: int = TRIES) -> httpx.AsyncBaseTransport:
        """A transport that never sent before and asks this scene's server; closed with the scene."""
        self.transports.append(create_transport(allowed=allowed, names=self.dns.client(tries=tries)))
        return self.transports[-1]

    def url(self, host: str) -> str:
        return f"http://{host}:{self.receiver.port}/"

    def connects(self) -> list[str]:
        """The addresses that connections to the receiver's port were tried to."""
        return connects_to(self.receiver.port)

    def nothing_arrived(self) -> bool:
        return self.connects() == [] and self.receiver.connections == 0


@contextlib.asynccontextmanager
async def open_scene() -> AsyncIterator[Scene]:
    """Serve DNS and HTTP on free ports."""
    _connects.clear()
    async with dns_server() as dns, hostile_server(answering(OK)) as receiver:
        scene = Scene(dns, receiver)
        try:
            yield scene
        finally:
            for transport in scene.transports:
                await transport.aclose()
