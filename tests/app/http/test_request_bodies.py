"""Request bodies may be compressed by gzip, and may begin with a byte order mark; none takes more than its limit."""

import gzip
import tracemalloc
import zlib

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.http.graphql_view import BadRequest, read_operation
from tests.app.http.test_negotiation import send
from tests.support.platform import Platform

OK = b'{"query":"{__typename}"}'
#: A gzip stream that goes on and on, and contains nothing.
EMPTY_BLOCKS = b"\x1f\x8b\x08" + bytes(7) + b"\x00\x00\x00\xff\xff" * 300_000


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "x-gzip", "identity"])
async def test_body_may_be_compressed(api: Platform, coding: str) -> None:
    content = OK if coding == "identity" else gzip.compress(OK)

    response = await send(api, content=content, Content_Encoding=coding)

    assert (response.status_code, response.json()["data"]) == (200, {"__typename": "Query"})


@pytest.mark.parametrize("coding", ["gzip", "identity"])
async def test_byte_order_mark_is_no_part_of_the_body(api: Platform, coding: str) -> None:
    marked = b"\xef\xbb\xbf" + OK
    content = marked if coding == "identity" else gzip.compress(marked)

    response = await send(api, content=content, Content_Encoding=coding)

    assert (response.status_code, response.json()["data"]) == (200, {"__typename": "Query"})


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (OK, 400, "BAD_REQUEST"),
        (b"", 400, "BAD_REQUEST"),
        (gzip.compress(OK)[:-4], 400, "BAD_REQUEST"),
        (gzip.compress(OK) + b"more", 400, "BAD_REQUEST"),
        (gzip.compress(OK) * 2, 400, "BAD_REQUEST"),
        (zlib.compress(OK), 400, "BAD_REQUEST"),
        (gzip.compress(b"{"), 400, "BAD_JSON"),
        (gzip.compress(b" " * 1_000_001), 413, "BODY_TOO_LARGE"),
        (EMPTY_BLOCKS, 413, "BODY_TOO_LARGE"),
    ],
    ids=["not gzip", "nothing", "cut off", "more behind it", "two", "zlib", "not JSON", "large inside", "endless"],
)
async def test_what_is_not_one_gzip_stream_within_the_limit_is_refused(
    api: Platform, content: bytes, status: int, code: str
) -> None:
    response = await send(api, content=content, Content_Encoding="gzip")

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, code)


async def test_bomb_is_inflated_no_further_than_the_limit() -> None:
    bomb = gzip.compress(bytes(200_000_000))
    request = request_of(bomb)

    tracemalloc.start()
    with pytest.raises(BadRequest) as refused:
        await read_operation(request, max_body_bytes=1_000_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert refused.value.status == 413
    assert peak < 10_000_000


def request_of(body: bytes) -> Request:
    """A POST whose body arrives at once."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
    return Request({"type": "http", "method": "POST", "headers": headers, "query_string": b""}, receive)
