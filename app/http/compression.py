"""Compression of answers, in the coding that the client likes best."""

import asyncio
import gzip
from collections.abc import Callable, Mapping

import brotli
import zstandard

from app.http.negotiation import content_coding

#: Bytes from which an answer is compressed: a smaller one is about one packet either way.
MINIMUM = 1_024
#: Bytes up to which an answer is compressed in the event loop: below a millisecond. The thread is dearer than that.
_MOST_INLINE = 50_000

#: The codings, the fastest of them first: it is taken where a client likes several equally. Each at its lowest level:
#: the usual ones save a tenth of the bytes more, at three to five times the cost.
_CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.compress(body, 1),
    "br": lambda body: brotli.compress(body, quality=1),
    "gzip": lambda body: gzip.compress(body, 1, mtime=0),
}
_OFFERED = tuple(_CODINGS)


async def compress(body: bytes, accept_encoding: str) -> tuple[bytes, str | None]:
    """Return a body in the best coding that the client accepts, and the coding; None if it stays as it is.

    A large body is compressed in a thread, so that other requests are answered meanwhile.
    """
    coding = content_coding(accept_encoding, _OFFERED)
    if coding is None:
        return body, None
    encode = _CODINGS[coding]
    return await asyncio.to_thread(encode, body) if len(body) > _MOST_INLINE else encode(body), coding
