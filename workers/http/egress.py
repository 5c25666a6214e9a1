"""Which addresses a POST may reach, enforced where connections are made.

Two guards, because each sees what the other can't: the resolver sees all records of a name, and refuses it
if one is forbidden; the socket factory sees every address at the moment of connecting, literal or resolved,
so that nothing can change between check and use.
"""

import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult

from app.webhooks.domain.endpoint import Network, address_allowed

# A dead record costs time before the next is tried: a name with many of them would only burn the deadline.
MAX_RECORDS: Final = 4

#: Gives all addresses of a name, best first. Raises OSError for a name without one.
LookUp = Callable[[str, socket.AddressFamily], Awaitable[Sequence[str]]]


class RefusedAddress(OSError):
    """The address is not one that webhooks may reach.

    An OSError, because aiohttp keeps only those as `os_error` of its own errors.
    """


class GuardedResolver(AbstractResolver):
    """Resolve names, and refuse one if any of its records is forbidden.

    One bad record is enough: a name that mixes good and bad ones is built to slip past a check of the first.
    Only `localhost` may mix (its records are this host's own, and an operator allows 127.0.0.1 without
    thinking of ::1): its forbidden records are left out.
    """

    def __init__(self, look_up: LookUp, allowed: Sequence[Network] = ()) -> None:
        self._look_up = look_up
        self._allowed = tuple(allowed)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up: at most four records, best first.

        Raises: RefusedAddress; OSError for a name without address.
        """
        addresses = self._permitted(host, await self._look_up(host, family))
        return [_result(host, port, address) for address in addresses[:MAX_RECORDS]]

    async def close(self) -> None:
        """Do nothing: what looks up belongs to who gave it."""

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
    """Make the function through which the connector gets its sockets: it refuses before a socket exists.

    The function raises RefusedAddress. Source: aiohttp, `TCPConnector(socket_factory=…)`.
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
