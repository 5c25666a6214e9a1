"""Restrict the addresses that a POST may reach, at the point where connections are made.

There are two guards. The resolver sees all records of a name, and refuses the name if one of them is forbidden. The
socket factory sees every address, literal or resolved, when it is connected to, so that nothing can change between
check and use.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult

from app.webhooks.domain.endpoint import Network, address_allowed

# Records of one name that are tried. Each dead one costs time, and many of them would use up the deadline.
MAX_RECORDS: Final = 4

#: Returns all addresses of a name, best first. It raises OSError for a name without one.
LookUp = Callable[[str, socket.AddressFamily], Awaitable[Sequence[str]]]


class RefusedAddress(OSError):
    """Webhooks may not reach the address.

    It is an OSError, because aiohttp keeps only those as `os_error` of its own errors.
    """


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses a name if any of its records is forbidden.

    One forbidden record is enough: a name that mixes both kinds was made to pass a check of its first record. Only
    `localhost` may mix, because an operator may allow 127.0.0.1 without ::1. Its forbidden records are left out.
    """

    def __init__(self, look_up: LookUp, allowed: Sequence[Network] = ()) -> None:
        self._look_up = look_up
        self._allowed = tuple(allowed)

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
        forbidden = [address for address in addresses if not _is_allowed(address, self._allowed)]
        permitted = [address for address in addresses if address not in forbidden]
        if forbidden and not (permitted and host.removesuffix(".") == "localhost"):
            raise RefusedAddress(f"{host!r} has the address {forbidden[0]}, which webhooks may not reach")
        return permitted


def socket_factory(allowed: Sequence[Network] = ()) -> SocketFactoryType:
    """Make the function that opens the connector's sockets. It refuses an address before a socket exists.

    The function raises RefusedAddress.

    Source: aiohttp, `TCPConnector(socket_factory=…)`.
    """
    allowed = tuple(allowed)

    def create_socket(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, address = info
        if not _is_allowed(str(address[0]), allowed):
            raise RefusedAddress(f"webhooks may not reach the address {address[0]}")
        return socket.socket(family, kind, protocol)

    return create_socket


def _is_allowed(address: str, allowed: Sequence[Network]) -> bool:
    try:
        return address_allowed(address, allowed)
    except ValueError:
        return False


def _result(host: str, port: int, address: str) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # AI_NUMERICHOST: the address is final, nothing after this looks anything up.
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
