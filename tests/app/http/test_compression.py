"""Answers from 1 KiB are compressed as the client likes, with the same content; smaller ones stay as they are."""

import gzip
import zlib
from collections.abc import Callable

import brotli
import httpx
import orjson
import pytest
import zstandard

from app.docs.links import error_extensions
from app.http.compression import MINIMUM
from tests.support.platform import Platform, running_platform, settings_for

DECODED: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}
#: An answer of some 3 kB, and one that is compressed in a thread.
QUERIES = {
    "medium": '{ __type(name: "Invoice") { name fields { name } } }',
    "large": "{ __schema { types { name description fields { name description type { name } } } } }",
}


async def fetch(api: Platform, query: str, accept_encoding: str) -> tuple[httpx.Headers, bytes]:
    """The headers and the bytes as they were sent."""
    headers = {"Authorization": f"Bearer {api.key}", "Accept-Encoding": accept_encoding}
    async with api.http.stream("POST", f"{api.url}/graphql", json={"query": query}, headers=headers) as response:
        assert response.status_code == 200
        return response.headers, b"".join([chunk async for chunk in response.aiter_raw()])


@pytest.mark.parametrize("size", QUERIES)
@pytest.mark.parametrize("coding", DECODED)
async def test_answer_is_the_same_in_every_coding(api: Platform, coding: str, size: str) -> None:
    plain_headers, plain = await fetch(api, QUERIES[size], "identity")

    headers, body = await fetch(api, QUERIES[size], coding)

    assert "content-encoding" not in plain_headers
    assert (headers["content-encoding"], headers["vary"]) == (coding, "Accept, Accept-Encoding")
    assert int(headers["content-length"]) == len(body)
    assert len(body) < len(plain) / 2
    assert DECODED[coding](body) == plain


@pytest.mark.parametrize("accept_encoding", ["", "deflate", "gzip;q=0", "identity, gzip;q=0.5"])
async def test_answer_stays_as_it_is_where_the_client_wants_no_coding(api: Platform, accept_encoding: str) -> None:
    headers, body = await fetch(api, QUERIES["medium"], accept_encoding)

    assert "content-encoding" not in headers
    assert orjson.loads(body)["data"]["__type"]["name"] == "Invoice"


async def test_small_answer_stays_as_it_is(api: Platform) -> None:
    below, above = ("{ " + "a" * length + ": __typename }" for length in (MINIMUM - 100, MINIMUM))

    headers = [(await fetch(api, query, "gzip"))[0] for query in (below, above)]

    assert [one.get("content-encoding") for one in headers] == [None, "gzip"]


async def test_compression_can_be_switched_off(database_url: str) -> None:
    async with running_platform(settings_for(database_url, compression=False), with_worker=False) as api:
        headers, _ = await fetch(api, QUERIES["large"], "gzip, br, zstd")

    assert "content-encoding" not in headers


async def test_limit_is_of_the_answer_before_it_is_compressed(database_url: str) -> None:
    settings = settings_for(database_url, max_response_bytes=20_000)
    async with running_platform(settings, with_worker=False) as api:
        _, body = await fetch(api, QUERIES["large"], "gzip")

    answer = orjson.loads(zlib.decompress(body, 31) if body[:2] == b"\x1f\x8b" else body)
    assert answer["errors"][0]["extensions"] == error_extensions("RESPONSE_TOO_LARGE", maximum=20_000)
