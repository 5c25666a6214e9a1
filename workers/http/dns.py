"""Look up the names of endpoints with c-ares: a silent name server delays only the lookups that wait for it.

`socket.getaddrinfo` holds a thread while it waits, so some dozens of silent names would stop all other lookups. c-ares
waits for any number of names in one thread. Like the system, it reads /etc/hosts first, then asks the name servers of
/etc/resolv.conf with its search domains, and notices when either file changes.
"""

import socket
from collections.abc import Sequence
from typing import Final

import aiodns

# Each try waits twice as long as the one before. The first waits for 2 s, or for 0.25 s once the server was quick. Then
# five tries give a slow name 7 s.
TRIES: Final = 5
# A query's number has 16 bits, and a name takes two queries. Only silent names can reach this limit.
MAX_LOOKUPS: Final = 10_000


class DnsClient:
    """Looks up names for one process. Make and close it in the running event loop."""

    def __init__(self, name_servers: Sequence[str] = (), *, tries: int = TRIES) -> None:
        """Open the resolver.

        Args:
            name_servers: Addresses, with or without a port, to ask instead of the system's; none: the system's.
            tries: How often each name server is asked.
        """
        self._resolver = aiodns.DNSResolver(name_servers, tries=tries)
        self._lookups = 0

    async def look_up(self, host: str, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[str]:
        """Return all addresses of a name, A and AAAA, at least one, in the order of preference of RFC 6724.

        It waits for silent name servers, up to a minute. Cancelling would not stop the lookup in c-ares. aiohttp
        doesn't cancel it when an attempt ends, and attempts at one name share a lookup.

        Raises:
            OSError: The name has no address or no answer, or `MAX_LOOKUPS` lookups are waiting.
        """
        if not host.isascii():
            raise OSError(f"{host!r} is not a name that can be looked up")
        if self._lookups >= MAX_LOOKUPS:
            raise OSError(f"{MAX_LOOKUPS} names are being looked up already")
        self._lookups += 1
        try:
            found = await self._resolver.getaddrinfo(host, family=family, type=socket.SOCK_STREAM)
        except aiodns.error.DNSError as error:
            raise OSError(f"{host!r} cannot be looked up: {error.args[1]}") from error
        finally:
            self._lookups -= 1
        return [node.addr[0].decode("ascii") for node in found.nodes]

    async def close(self) -> None:
        """End all lookups with an error, and the thread."""
        await self._resolver.close()
