"""The parts of aiohttp that it does not document, in one place: a release may move them.

They are below its client, whose redirects, cookies, proxies and retries no webhook may have. No other module reads a
private name of aiohttp or imports from its inner modules; tests/workers/http/test_aiohttp_parts.py checks that, and
fails when one of these is gone. Whoever raises aiohttp's upper bound in pyproject.toml runs that test first.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
import yarl
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection
from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import BadStatusLine, HttpProcessingError
from aiohttp.streams import DataQueue

__all__ = [
    "BadStatusLine",
    "Connection",
    "HttpProcessingError",
    "OwnedRequest",
    "RawResponseMessage",
    "ResponseHandler",
    "is_between_messages",
    "set_handler",
]

#: What is used of them beyond what aiohttp documents. The private names are the connector's `_factory` and the
#: handler's `_parser`.
USED: Final = {
    aiohttp.TCPConnector: ("_factory", "connect", "force_close"),
    aiohttp.ClientRequest: ("is_ssl", "connection_key"),
    ConnectionKey: ("proxy_headers_hash",),
    HttpResponseParser: ("feed_eof",),
    Connection: ("protocol", "transport", "release", "close"),
    ResponseHandler: ("is_connected", "should_close", "data_received", "set_response_params", "set_exception"),
    DataQueue: ("read", "feed_data", "exception"),
}


class OwnedRequest(aiohttp.ClientRequest):
    """A request whose connection is kept for requests of the same owner alone.

    aiohttp pools connections by host, port and TLS. No request uses a proxy here, so the place for the hash of a
    proxy's headers is free.
    """

    def __init__(self, method: str, url: yarl.URL, owner: int | None) -> None:
        super().__init__(method, url)
        self._key = super().connection_key._replace(proxy_headers_hash=owner)

    @property
    def connection_key(self) -> ConnectionKey:
        return self._key


def is_between_messages(handler: ResponseHandler) -> bool:
    """Return whether a connection has read whole answers only, and no byte of another one.

    The parser says so when it is told that no more comes: within a message it returns or raises something. It can't
    be used afterwards; the next request makes a new one.
    """
    parser = handler._parser
    try:
        return parser is None or parser.feed_eof() is None
    except Exception:
        return False


def set_handler(
    connector: aiohttp.TCPConnector, handler: Callable[[asyncio.AbstractEventLoop], ResponseHandler]
) -> None:
    """Have a connector's connections handled by this class; call it in the running event loop.

    aiohttp has no public way to choose the class.
    """
    loop = asyncio.get_running_loop()
    connector._factory = lambda: handler(loop)  # type: ignore[assignment]  # aiohttp declares a partial
