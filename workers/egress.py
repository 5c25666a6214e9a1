"""Which addresses a POST may reach, enforced where connections are made.

Two guards, because each sees what the other can't: the resolver sees all records of a name, and refuses it
if one is forbidden; the socket factory sees every address at the moment of connecting, literal or resolved,
so that nothing can change between check and use.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, Protocol
from weakref import WeakValueDictionary

from aiohttp import AddrInfoType, SocketFactoryType
from aiohttp.abc import AbstractResolver, ResolveResult

from app.domain.endpoint import Network, address_allowed

# A dead record costs time before the next is tried: a name with many of them would only burn the deadline.
MAX_RECORDS: Final = 4
# getaddrinfo blocks a thread for as long as a name server keeps silent: a pool of its own, so that slow names
# delay neither each other much nor anything else that uses the loop's default pool. Nothing ends such a thread
# early: when all of them wait, every new name waits, too, until the system gives one up (10 s by default).
DNS_THREADS: Final = 64
# Of them, for the names below one domain: who owns a silent one can make up as many names as they like.
DNS_THREADS_PER_DOMAIN: Final = 16


class RefusedAddress(OSError):
    """The address is not one that webhooks may reach.

    An OSError, because aiohttp keeps only those as `os_error` of its own errors.
    """


class GetAddrInfo(Protocol):
    """The part of `socket.getaddrinfo` that is used here."""

    def __call__(
        self, host: str, port: int, *, family: int, type: int
    ) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]: ...


class GuardedResolver(AbstractResolver):
    """Resolve names, and refuse one if any of its records is forbidden.

    One bad record is enough: a name that mixes good and bad ones is built to slip past a check of the first.
    Only `localhost` may mix (its records are this host's own, and an operator allows 127.0.0.1 without
    thinking of ::1): its forbidden records are left out.
    """

    def __init__(self, allowed: Sequence[Network] = (), *, getaddrinfo: GetAddrInfo = socket.getaddrinfo) -> None:
        self._allowed = tuple(allowed)
        self._getaddrinfo = getaddrinfo
        self._executor = ThreadPoolExecutor(DNS_THREADS, thread_name_prefix="dns")
        # Weak: a domain's turns are kept only as long as a lookup has or awaits one.
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look a name up: at most four records, in the system's order of preference.

        Waits for as long as `getaddrinfo` does, and before that for a turn if many names of the same domain,
        or 64 of all, are being looked up.
        Raises: RefusedAddress; OSError (socket.gaierror for a name without address).
        """
        loop = asyncio.get_running_loop()
        look_up = partial(self._getaddrinfo, host, port, family=family, type=socket.SOCK_STREAM)
        try:
            async with self._turns.setdefault(_domain(host), asyncio.Semaphore(DNS_THREADS_PER_DOMAIN)):
                infos = await loop.run_in_executor(self._executor, look_up)
        except UnicodeError as error:
            raise OSError(f"{host!r} is not a name that can be looked up") from error
        records = self._permitted(host, [(family, str(address[0])) for family, _, _, _, address in infos])
        return [_result(host, port, family, address) for family, address in records[:MAX_RECORDS]]

    async def close(self) -> None:
        """Give the threads back; a lookup that still runs is not waited for."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _permitted(self, host: str, records: list[tuple[int, str]]) -> list[tuple[int, str]]:
        # An empty list would be an AssertionError in aiohttp.
        if not records:
            raise OSError(f"{host!r} has no address")
        forbidden = [record for record in records if not _is_allowed(record[1], self._allowed)]
        permitted = [record for record in records if record not in forbidden]
        if forbidden and not (permitted and host.removesuffix(".") == "localhost"):
            raise RefusedAddress(f"{host!r} has the address {forbidden[0][1]}, which webhooks may not reach")
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


def _domain(host: str) -> str:
    # Two labels; under co.uk, owners share the turns, which is the coarser but not the weaker bound.
    return ".".join(host.lower().removesuffix(".").split(".")[-2:])


def _is_allowed(address: str, allowed: Sequence[Network]) -> bool:
    try:
        return address_allowed(address, allowed)
    except ValueError:
        return False


def _result(host: str, port: int, family: int, address: str) -> ResolveResult:
    # AI_NUMERICHOST: the address is final, nothing after this looks anything up.
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=flags)
