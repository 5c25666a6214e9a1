"""The bytes of a POST on its connection, and when that connection is used again."""

import httpx
import pytest

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from tests.support.hostile import OK, HostileConnection, answering, hostile_server
from tests.support.posting import BODY, send

#: More than the buffers of both ends hold.
LARGE = b"x" * 20_000_000


async def answer_always(connection: HostileConnection) -> None:
    while True:
        await connection.read_request()
        await connection.send(OK)


async def test_request_is_written_byte_for_byte(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answering(OK)) as server:
        url = f"http://127.0.0.1:{server.port}/a%2Fb/%7e?q=1+2&q=%20#part"
        await send(transport, url, headers=(("X-Own", "Zürich"), ("x-own", "twice")))

    assert server.requests == [
        b"POST /a%2Fb/%7e?q=1+2&q=%20 HTTP/1.1\r\n"
        + f"Host: 127.0.0.1:{server.port}\r\nX-Own: Zürich\r\nx-own: twice\r\n".encode()
        + b"Content-Length: 10\r\n\r\n"
        + BODY
    ]


@pytest.mark.parametrize("text", ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"])
@pytest.mark.parametrize("place", ["name", "value"])
async def test_line_that_would_be_two_is_not_sent(transport: httpx.AsyncBaseTransport, text: str, place: str) -> None:
    header = (text, "1") if place == "name" else ("X-Own", text)

    async with hostile_server(answering(OK)) as server:
        with pytest.raises(AttemptError) as caught:
            await send(transport, server.url, headers=(header,))

    assert caught.value.kind == ErrorKind.INTERNAL
    assert server.connections == 0


async def test_large_body_arrives_whole_and_keeps_its_connection(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answer_always) as server:
        for _ in range(2):
            await send(transport, server.url, body=LARGE)

    assert [request.endswith(LARGE) for request in server.requests] == [True, True]
    assert server.connections == 1


async def test_connection_is_given_up_that_is_answered_before_it_was_told_everything(
    transport: httpx.AsyncBaseTransport,
) -> None:
    async def behave(connection: HostileConnection) -> None:
        if connection.number == 1:
            await connection.reader.readuntil(b"\r\n\r\n")
            await connection.send(OK)
            await connection.hang()
        else:
            await answer_always(connection)

    async with hostile_server(behave) as server:
        early = await send(transport, server.url, body=LARGE)
        answer = await send(transport, server.url)

    assert (early.status, answer.status) == (200, 200)
    assert server.connections == 2


async def test_body_without_a_length_ends_with_its_connection(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answering(b"HTTP/1.1 200 OK\r\n\r\nto the ", b"end")) as server:
        for _ in range(2):
            answer = await send(transport, server.url)

    assert (answer.body, answer.note) == (b"to the end", None)
    assert server.connections == 2


async def test_interim_answers_are_skipped(transport: httpx.AsyncBaseTransport) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"

    async with hostile_server(answering(interim, OK)) as server:
        answer = await send(transport, server.url)

    assert (answer.status, answer.body) == (200, b"ok")


async def test_other_protocol_is_not_switched_to(transport: httpx.AsyncBaseTransport) -> None:
    switching = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"

    async with hostile_server(answering(switching, then_hang=True)) as server:
        for _ in range(2):
            answer = await send(transport, server.url)

    assert (answer.status, answer.body) == (101, b"")
    assert server.connections == 2
