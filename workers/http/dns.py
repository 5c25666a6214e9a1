"""Names of endpoints, looked up by c-ares: a name server that keeps silent holds up nobody but who waits for it.

`socket.getaddrinfo` holds a thread for as long as it waits, so that some dozens of silent names would stop the
lookups of all others. c-ares waits for any number of names in one thread; like the system, it reads /etc/hosts
first, and then asks the name servers of /etc/resolv.conf, with its search domains, and sees when either changes.
"""

import socket
from collections.abc import Sequence
from typing import Final

import aiodns

# Each try waits twice as long as the one before. The first waits for 2 s, or, once the server has shown itself to
# be quick, for 0.25 s: five of them give a slow name 7 s then.
TRIES: Final = 5
# A query's number has 16 bits, and a name takes two. More names than these are only silent ones.
MAX_LOOKUPS: Final = 10_000


class Names:
    """Looks names up for one process. Make and close it in the running event loop."""

    def __init__(self, name_servers: Sequence[str] = (), *, tries: int = TRIES) -> None:
        """Args: name_servers — addresses, with or without a port, to ask instead of the system's."""
        self._resolver = aiodns.DNSResolver(name_servers, tries=tries)
        self._lookups = 0

    async def look_up(self, host: str, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[str]:
        """All addresses of a name, A and AAAA, in the order of preference of RFC 6724; never none.

        Waits for as long as the name servers keep silent, up to a minute: cancelled, it would go on in c-ares all
        the same. aiohttp doesn't cancel it when an attempt ends, and lets attempts at one name share it.
        Raises: OSError for a name without address or answer, and while `MAX_LOOKUPS` are waited for.
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
