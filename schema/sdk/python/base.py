"""The bases of the generated clients. The generator copies this file beside them, and needs a class in it."""

from tellgraph_client.aio.requests import AsyncRequests
from tellgraph_client.sync.requests import SyncRequests


class AsyncBase(AsyncRequests):
    """The base of the client with `await`."""


class SyncBase(SyncRequests):
    """The base of the client without `await`."""
