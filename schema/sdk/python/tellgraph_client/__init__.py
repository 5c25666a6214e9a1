"""A typed client of Tellgraph, with and without `await`, and a typed receiver of its webhooks."""

from tellgraph_client._version import __version__
from tellgraph_client.aio.feed import AsyncFeed
from tellgraph_client.errors import (
    ErrorItem,
    FieldError,
    GraphQLError,
    PayloadError,
    TellgraphError,
    TransportError,
    VerificationError,
)
from tellgraph_client.graphql.async_client import AsyncTellgraph
from tellgraph_client.graphql.sync_client import Tellgraph
from tellgraph_client.receiver import ChangedPaths, Delivery, Entity, Payload, Receiver
from tellgraph_client.sync.feed import SyncFeed as Feed

__all__ = [
    "AsyncFeed",
    "AsyncTellgraph",
    "ChangedPaths",
    "Delivery",
    "Entity",
    "ErrorItem",
    "Feed",
    "FieldError",
    "GraphQLError",
    "Payload",
    "PayloadError",
    "Receiver",
    "Tellgraph",
    "TellgraphError",
    "TransportError",
    "VerificationError",
    "__version__",
]
