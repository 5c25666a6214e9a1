"""Certificates of a test's own, and a server's that speaks TLS for another, as PostgreSQL or as Redis does."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

#: As the PostgreSQL manual has it: Message Formats, SSLRequest.
_SSL_REQUEST = bytes.fromhex("0000000804d2162f")


def certificate(
    directory: Path, host: str, *, from_h: int = -1, to_h: int = 1
) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a server's context, with a certificate for a name or an address, and a client's that trusts it.

    The certificate is written to `receiver.crt`, for clients that read it from a file.

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
    (directory / "receiver.crt").write_bytes(pem)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(directory / "receiver.pem")
    return serving, ssl.create_default_context(cadata=pem.decode())


@asynccontextmanager
async def tls_before(host: str, port: int, context: ssl.SSLContext, *, is_postgres: bool) -> AsyncIterator[int]:
    """Speak TLS on a port of its own for a server that can't. PostgreSQL's begins after a request in clear."""
    pipes: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        pipes.add(task)
        server: asyncio.StreamWriter | None = None
        try:
            if is_postgres:
                assert await reader.readexactly(len(_SSL_REQUEST)) == _SSL_REQUEST, "a client that speaks in clear"
                writer.write(b"S")
                await writer.start_tls(context)
            answers, server = await asyncio.open_connection(host, port)
            both = [asyncio.ensure_future(_pump(reader, server)), asyncio.ensure_future(_pump(answers, writer))]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in both:
                    one.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        except (OSError, EOFError, AssertionError, asyncio.CancelledError):
            # Nobody awaits this task; a client that breaks off is told by its own error.
            pass
        finally:
            for end in (writer, server):
                if end is not None:
                    end.transport.abort()
            pipes.discard(task)

    listening = await asyncio.start_server(carry, "127.0.0.1", 0, ssl=None if is_postgres else context)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        for task in [*pipes]:
            task.cancel()
        await asyncio.gather(*pipes, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
