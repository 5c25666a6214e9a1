"""How the transport connects: which addresses, which certificates, which kept connections."""

import asyncio
import datetime
import ipaddress
import select
import socket
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from app.domain.attempt import ErrorKind
from app.errors import AttemptError
from tests.support.dns_server import dns_server, records
from tests.support.hostile import OK, Behaviour, HostileConnection, answering, hostile_server
from workers.transport import Answer, create_transport, post

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
async def transport() -> AsyncIterator[httpx.AsyncBaseTransport]:
    transport = create_transport(allowed=LOOPBACK)
    yield transport
    await transport.aclose()


async def send(transport: httpx.AsyncBaseTransport, url: str, *, timeout_s: float = 5) -> Answer:
    async with asyncio.timeout(20):
        return await post(transport, url=httpx.URL(url), headers=[], body=b"{}", timeout_s=timeout_s)


async def fail(transport: httpx.AsyncBaseTransport, url: str, *, timeout_s: float = 5) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        await send(transport, url, timeout_s=timeout_s)
    return caught.value


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]"]
)
async def test_literal_address_is_refused_before_a_connection(host: str) -> None:
    transport = create_transport()

    async with hostile_server(answering(OK)) as server:
        error = await fail(transport, f"http://{host}:{server.port}/")
    await transport.aclose()

    assert error.kind == ErrorKind.REFUSED_ADDRESS
    assert server.connections == 0


# Resolvers of other programs read the numbers as 127.0.0.1; check_endpoint refuses all of these before.
@pytest.mark.parametrize("host", ["0x7f000001", "0x7f.1", "127.0.0.0x1", "2130706433", "127.1", "localhost"])
async def test_odd_spelling_of_loopback_is_refused_at_the_latest_here(host: str) -> None:
    async with dns_server() as dns, hostile_server(answering(OK)) as server:
        dns.names[host] = [records("127.0.0.1")]
        transport = create_transport(names=dns.client())
        error = await fail(transport, f"http://{host}:{server.port}/")
        await transport.aclose()

    assert error.kind == ErrorKind.REFUSED_ADDRESS
    assert server.connections == 0


async def test_name_is_reached_at_the_address_that_was_checked() -> None:
    async with dns_server() as dns, hostile_server(answering(OK)) as server:
        dns.names["hooks.example.com"] = [records("127.0.0.1")]
        transport = create_transport(allowed=LOOPBACK, names=dns.client())
        answer = await send(transport, f"http://hooks.example.com:{server.port}/")
        await transport.aclose()

    assert answer.status == 200
    assert b"host: hooks.example.com" in server.requests[0].lower()


async def test_redirect_to_a_forbidden_address_is_not_followed(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answering(OK)) as inner:
        location = b"HTTP/1.1 307 Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % inner.url.encode()
        async with hostile_server(answering(location)) as outer:
            answer = await send(transport, outer.url)

    assert answer.status == 307
    assert (outer.connections, inner.connections) == (1, 0)


async def answer_always(connection: HostileConnection) -> None:
    while True:
        await connection.read_request()
        await connection.send(OK)


async def test_connection_is_kept(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(answer_always) as server:
        for _ in range(3):
            await send(transport, server.url)

    assert (server.connections, len(server.requests)) == (1, 3)


async def reset_second_request_of_first_connection(connection: HostileConnection) -> None:
    await connection.read_request()
    await connection.send(OK)
    await connection.read_request()
    if connection.number == 1:
        connection.reset()


async def test_reset_of_a_kept_connection_gets_a_fresh_try(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(reset_second_request_of_first_connection) as server:
        await send(transport, server.url)
        answer = await send(transport, server.url)

    assert (answer.status, answer.note) == (200, None)
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_fresh_try_uses_no_kept_connection(transport: httpx.AsyncBaseTransport) -> None:
    both_asked = asyncio.Barrier(2)

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number <= 2:
            await both_asked.wait()
        await connection.send(OK)
        await connection.read_request()
        connection.reset()

    async with hostile_server(behave) as server:
        await asyncio.gather(send(transport, server.url), send(transport, server.url))
        answer = await send(transport, server.url)

    assert answer.status == 200
    assert server.connections == 3


async def test_second_reset_is_a_failure(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.send(OK)
            await connection.read_request()
        connection.reset()

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.RESET
    assert (server.connections, len(server.requests)) == (2, 3)


async def test_reset_within_an_answer_gets_no_fresh_try(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        await connection.send(b"HTTP/1.1 20")

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.RESET
    assert (server.connections, len(server.requests)) == (1, 2)


async def test_flood_on_a_fresh_try_is_capped_too(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        if connection.number == 1:
            await connection.send(OK)
            await connection.read_request()
            connection.reset()
        else:
            await connection.send_forever(b"HTTP/1.1 100 Continue\r\n\r\n" * 500)

    async with hostile_server(behave) as server:
        await send(transport, server.url)
        error = await fail(transport, server.url)

    assert error.kind == ErrorKind.OVERSIZED_ANSWER
    assert server.connections == 2


async def test_answer_that_nobody_asked_for_is_not_taken_for_the_next(
    transport: httpx.AsyncBaseTransport,
) -> None:
    first_read, sent = asyncio.Event(), asyncio.Event()

    async def behave(connection: HostileConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        if connection.number == 1:
            await first_read.wait()
            await connection.send(b"HTTP/1.1 500 Not yours\r\nContent-Length: 0\r\n\r\n")
            sent.set()
            await connection.hang()

    async with hostile_server(behave) as server, hostile_server(answer_always) as other:
        await send(transport, server.url)
        first_read.set()
        await sent.wait()
        # A round trip elsewhere: by its end the loop has read what lay ready on the kept connection.
        await send(transport, other.url)
        answer = await send(transport, server.url)

    assert answer.status == 200
    assert server.connections == 2


def certificate(
    directory: Path, host: str, *, from_h: int = -1, to_h: int = 1
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a server's context, with a certificate for a name or an address, and a client's that trusts it.

    Args: from_h, to_h — hours from now, between which it is valid.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [
        x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
    ]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(hours=from_h))
        .not_valid_after(now + datetime.timedelta(hours=to_h))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "receiver.pem").write_bytes(key_pem + pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(directory / "receiver.pem")
    return serving, ssl.create_default_context(cadata=pem.decode())


async def test_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.1")
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        answer = await send(transport, server.url)
        await transport.aclose()

    assert answer.status == 200


@pytest.mark.parametrize(("host", "is_trusted"), [("127.0.0.1", False), ("other.example.com", True)])
async def test_certificate_of_another_gets_no_request(tmp_path: Path, host: str, is_trusted: bool) -> None:
    serving, trusting = certificate(tmp_path, host)
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting if is_trusted else None)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)
        await transport.aclose()

    assert error.kind == ErrorKind.TLS
    assert server.requests == []


@pytest.mark.parametrize(("from_h", "to_h"), [(-2, -1), (1, 2)])
async def test_certificate_of_another_time_gets_no_request(tmp_path: Path, from_h: int, to_h: int) -> None:
    serving, trusting = certificate(tmp_path, "127.0.0.1", from_h=from_h, to_h=to_h)
    transport = create_transport(allowed=LOOPBACK, ssl_context=trusting)

    async with hostile_server(answering(OK), ssl_context=serving) as server:
        error = await fail(transport, server.url)
        await transport.aclose()

    assert error.kind == ErrorKind.TLS
    assert server.requests == []


async def test_plain_http_behind_https_is_a_tls_failure(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.reader.read(1)
        await connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await connection.hang()

    async with hostile_server(behave) as server:
        error = await fail(transport, server.url.replace("http:", "https:"))

    assert error.kind == ErrorKind.TLS


HELLO = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"


async def reset_at_once(connection: HostileConnection) -> None:
    connection.reset()


async def reset_after_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    connection.reset()


async def close_after_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)


async def reset_in_hello(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send(HELLO)
    connection.reset()


async def refuse_in_handshake(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send(b"\x15\x03\x03\x00\x02\x02\x28")
    await connection.hang()


async def handshake_without_end(connection: HostileConnection) -> None:
    await connection.reader.read(64)
    await connection.send_forever(b"\x16\x03\x03\x40\x00\x02\xff\xff\xff" + b"x" * 16380)


@pytest.mark.parametrize(
    "behaviour",
    [
        reset_at_once,
        reset_after_hello,
        close_after_hello,
        reset_in_hello,
        refuse_in_handshake,
        handshake_without_end,
    ],
)
async def test_broken_handshake_is_a_tls_failure(transport: httpx.AsyncBaseTransport, behaviour: Behaviour) -> None:
    async with hostile_server(behaviour) as server:
        error = await fail(transport, server.url.replace("http:", "https:"))

    assert error.kind == ErrorKind.TLS
    assert "None" not in error.message
    assert server.connections == 1


async def test_no_connection_is_no_tls_failure(transport: httpx.AsyncBaseTransport) -> None:
    async with hostile_server(reset_at_once) as server:
        port = server.port

    assert (await fail(transport, f"https://127.0.0.1:{port}/")).kind == ErrorKind.CONNECT


async def test_connection_that_nobody_accepts_ends_at_the_deadline(transport: httpx.AsyncBaseTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        error = await fail(transport, f"http://127.0.0.1:{listener.getsockname()[1]}/", timeout_s=0.3)

    assert error.kind == ErrorKind.TIMEOUT


async def test_connection_that_is_given_up_before_it_is_accepted_is_a_reset(
    transport: httpx.AsyncBaseTransport,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        failing = asyncio.ensure_future(fail(transport, f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        await asyncio.get_running_loop().run_in_executor(None, select.select, [listener], [], [], 10)
    error = await failing

    assert error.kind == ErrorKind.RESET


async def test_silent_handshake_ends_at_the_deadline(transport: httpx.AsyncBaseTransport) -> None:
    async def behave(connection: HostileConnection) -> None:
        await connection.hang()

    async with hostile_server(behave) as server:
        error = await fail(transport, server.url.replace("http:", "https:"), timeout_s=0.3)

    assert error.kind == ErrorKind.TIMEOUT
