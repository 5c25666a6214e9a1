"""The parts of aiohttp that it does not document, in one place: a release may move them.

They are below its client, whose redirects, cookies, proxies and retries no webhook may have. No other module reads a
private name of aiohttp or imports from its inner modules; tests/workers/http/test_aiohttp_parts.py checks that, and
fails when one of these is gone. Whoever raises aiohttp's upper bound in pyproject.toml runs that test first.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import BadStatusLine, HttpProcessingError
from aiohttp.streams import DataQueue

__all__ = [
    "BadStatusLine",
    "Connection",
    "HttpProcessingError",
    "RawResponseMessage",
    "ResponseHandler",
    "set_handler",
]

#: What is used of them beyond what aiohttp documents. The connector's `_factory` is the only private name.
USED: Final = {
    aiohttp.TCPConnector: ("_factory", "connect", "force_close"),
    aiohttp.ClientRequest: ("is_ssl",),
    Connection: ("protocol", "transport", "release", "close"),
    ResponseHandler: ("is_connected", "should_close", "data_received", "set_response_params", "set_exception"),
    DataQueue: ("read", "feed_data", "exception"),
}


def set_handler(
    connector: aiohttp.TCPConnector, handler: Callable[[asyncio.AbstractEventLoop], ResponseHandler]
) -> None:
    """Have a connector's connections handled by this class; call it in the running event loop.

    aiohttp has no public way to choose the class.
    """
    loop = asyncio.get_running_loop()
    connector._factory = lambda: handler(loop)  # type: ignore[assignment]  # aiohttp declares a partial
