"""API, worker and migration reach PostgreSQL and Redis by TLS, and speak with nobody who can't prove to be these."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode, urlsplit, urlunsplit

import asyncpg
import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from app.db.migrate import check_migrated, migrate
from app.db.pool import create_database
from app.errors import DatabaseUnavailable
from app.webhooks.jobs import open_redis
from tests.builders.variants import create_variant
from tests.support.certificates import certificate, tls_before
from tests.support.platform import running_platform, settings_for
from tests.support.receiver import Receiver

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"


def by_way_of(url: str, port: int, *, scheme: str, **options: str | Path) -> str:
    """The URL of the same server at another port."""
    parts = urlsplit(url)
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    return urlunsplit(parts._replace(scheme=scheme, netloc=netloc, query=urlencode(options)))


@asynccontextmanager
async def servers_with_tls(
    database_url: str, redis_url: str, directory: Path, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[str, str]]:
    """URLs of both servers by TLS. They trust the certificate in `directory`, which is for `host`."""
    serving, _ = certificate(directory, host)
    trusted = directory / "receiver.crt"
    database, redis = urlsplit(database_url), urlsplit(redis_url)
    assert database.port
    assert redis.port
    async with (
        tls_before("127.0.0.1", database.port, serving, is_postgres=True) as database_port,
        tls_before("127.0.0.1", redis.port, serving, is_postgres=False) as redis_port,
    ):
        yield (
            by_way_of(database_url, database_port, scheme="postgresql", sslmode="verify-full", sslrootcert=trusted),
            by_way_of(redis_url, redis_port, scheme="rediss", ssl_ca_certs=trusted),
        )


async def test_a_change_is_delivered_with_both_servers_behind_tls(
    database_url: str, redis_url: str, receiver: Receiver, tmp_path: Path
) -> None:
    async with servers_with_tls(database_url, redis_url, tmp_path) as (database_by_tls, redis_by_tls):
        await asyncio.to_thread(migrate, database_by_tls)
        await check_migrated(database_by_tls)
        async with running_platform(settings_for(database_by_tls, redis_by_tls)) as platform:
            variant = await create_variant(platform.conn, count_on_hand=1)
            made = await platform.create_webhook(receiver.url(), QUERY, type="VARIANT", eventNames=["UPDATE"])
            assert made["status"] == 200, made
            await platform.conn.execute("update variants set count_on_hand = 7 where id = $1", variant.id)

            (delivery,) = await receiver.wait_for()

    assert delivery.data == {"node": {"countOnHand": 7}}


async def test_servers_with_the_certificate_of_another_host_are_refused(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with servers_with_tls(database_url, redis_url, tmp_path, "db.example.com") as urls:
        await refuse_both(*urls)


async def test_servers_with_the_certificate_of_a_stranger_are_refused(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with servers_with_tls(database_url, redis_url, tmp_path) as urls:
        # What is trusted is another certificate by now.
        certificate(tmp_path, "127.0.0.1")
        await refuse_both(*urls)


async def test_server_without_tls_is_refused(database_url: str) -> None:
    port = urlsplit(database_url).port
    assert port
    url = by_way_of(database_url, port, scheme="postgresql", sslmode="require")

    await refuse_database(url, "rejected SSL upgrade")


async def refuse_both(database_url: str, redis_url: str) -> None:
    await refuse_database(database_url, "CERTIFICATE_VERIFY_FAILED")
    redis = open_redis(redis_url)
    try:
        with pytest.raises(RedisConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
            await redis.ping()
    finally:
        await redis.aclose()


async def refuse_database(url: str, why: str) -> None:
    """By the pool, by single connections, and by the migration's."""
    with pytest.raises((ssl.SSLCertVerificationError, ConnectionError), match=why):
        await create_database(url, pool_size=2).connect()
    with pytest.raises((ssl.SSLCertVerificationError, ConnectionError), match=why):
        await asyncpg.connect(url)
    with pytest.raises(DatabaseUnavailable, match=why):
        await asyncio.to_thread(migrate, url)
