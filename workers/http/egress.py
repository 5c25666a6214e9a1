"""Restrict the addresses that a POST may reach, at the point where connections are made.

There are two guards. The resolver sees all records of a name, and refuses the name if one of them is forbidden. The
socket factory sees every address, literal or resolved, when it is connected to, so that nothing can change between
check and use.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult

from app.webhooks.domain.endpoints.address import Network, address_allowed

# Records of one name that are tried. Each dead one costs time, and many of them would use up the deadline.
MAX_RECORDS: Final = 4

#: Returns all addresses of a name, best first. It raises OSError for a name without one.
LookUp = Callable[[str, socket.AddressFamily], Awaitable[Sequence[str]]]


class Egress(NamedTuple):
    """The addresses that a POST may reach.

    Attributes:
        allowed: Networks that an operator opened.
        is_internal: Whether only they may be reached, and not the public internet.
    """

    allowed: tuple[Network, ...] = ()
    is_internal: bool = False

    def allows(self, address: str) -> bool:
        """Return whether a POST may reach an address. A text that is no address may not be reached."""
        try:
            return address_allowed(address, self.allowed, is_public_allowed=not self.is_internal)
        except ValueError:
            return False


class Route(NamedTuple):
    """The way of a POST.

    Attributes:
        egress: The addresses that it may reach.
        owner: The seller whose webhook it is for; None: the operator. A kept connection serves one owner only.
    """

    egress: Egress = Egress()
    owner: int | None = None


#: The public internet.
PUBLIC: Final = Egress()


class RefusedAddress(OSError):
    """Webhooks may not reach the address.

    It is an OSError, because aiohttp keeps only those as `os_error` of its own errors.
    """


class RefusedName(RefusedAddress):
    """The name has an address that webhooks may not reach. Its owner is told the same as of a name without any."""


class PublicAddress(RefusedAddress):
    """The address is public, and the URL is one of those that may be in an opened network only."""


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses a name if any of its records is forbidden.

    One forbidden record is enough: a name that mixes both kinds was made to pass a check of its first record. Internal
    names may mix, because an operator may allow 127.0.0.1 without ::1. Their forbidden records are left out.
    """

    def __init__(self, look_up: LookUp, egress: Egress = PUBLIC) -> None:
        self._look_up = look_up
        self._egress = egress

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look up a name, and return at most four records, best first.

        Raises:
            RefusedAddress: A record is forbidden.
            OSError: The name has no address.
        """
        addresses = self._permitted(host, await self._look_up(host, family))
        return [_result(host, port, address) for address in addresses[:MAX_RECORDS]]

    async def close(self) -> None:
        """Do nothing: the caller owns the DNS client."""

    def _permitted(self, host: str, addresses: Sequence[str]) -> list[str]:
        # An empty list would be an AssertionError in aiohttp.
        if not addresses:
            raise OSError(f"{host!r} has no address")
        forbidden = [address for address in addresses if not self._egress.allows(address)]
        permitted = [address for address in addresses if address not in forbidden]
        may_mix = self._egress.is_internal or host.removesuffix(".") == "localhost"
        if forbidden and not (permitted and may_mix):
            is_public = self._egress.is_internal and all(PUBLIC.allows(address) for address in forbidden)
            refusal = PublicAddress if is_public else RefusedName
            raise refusal(f"{host!r} has the address {forbidden[0]}, which webhooks may not reach")
        return permitted


def socket_factory(egress: Egress = PUBLIC) -> SocketFactoryType:
    """Make the function that opens the connector's sockets. It refuses an address before a socket exists.

    The function raises RefusedAddress.

    Source: aiohttp, `TCPConnector(socket_factory=…)`.
    """

    def create_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not egress.allows(str(address[0])):
            raise RefusedAddress(f"webhooks may not reach the address {address[0]}")
        return socket.socket(family, kind, protocol)

    return create_socket


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # AI_NUMERICHOST: the address is final, nothing after this looks anything up.
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
