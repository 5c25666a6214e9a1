"""Tell up to where a process knows what transactions have committed, and on which server."""

from datetime import datetime
from typing import Final, NamedTuple


class Horizon(NamedTuple):
    """All that transactions before a number have committed is known, of one server.

    A server that takes over after a failover may give numbers a second time: it need not have got the last
    transactions. So what was known of another server says nothing.

    Attributes:
        xid: The number. 0: nothing is known.
        server_started_at: When the server was started, which tells it from others. None: no server is known.
    """

    xid: int = 0
    server_started_at: datetime | None = None


NOTHING_KNOWN: Final = Horizon()
