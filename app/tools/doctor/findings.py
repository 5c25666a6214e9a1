"""All findings about an installation, in the order of their report."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from redis.exceptions import RedisError

from app.db.server import LEAST_VERSION, DatabaseRefused, connect, place_of
from app.errors import DatabaseUnavailable
from app.kernel.error_reason import reason_of
from app.settings import Settings
from app.tools.doctor import database
from app.tools.doctor.finding import Finding, State
from app.webhooks.jobs import open_redis

#: Bytes of free disk below which PostgreSQL may soon stop.
_LITTLE_DISK = 2**30


async def examine(settings: Settings, *, is_embedded: bool) -> list[Finding]:
    """Look at the servers and at what is stored. Nothing is changed.

    Args:
        settings: Settings without problems, with the URLs of both servers.
        is_embedded: Whether the servers are those of the data directory.
    """
    found = [
        *await _database_findings(settings, is_embedded=is_embedded),
        await _redis_finding(settings),
        _egress_finding(settings),
    ]
    return [*found, _disk_finding(settings.data_dir)] if is_embedded else found


def settings_findings(problems: Sequence[str], unknown: Sequence[str]) -> list[Finding]:
    """Return a finding for each problem of the settings, or one that says that there is none."""
    found = [
        *(Finding(subject="Settings", state=State.WRONG, message=one) for one in problems),
        *(Finding(subject="Settings", state=State.WARNING, message=one) for one in unknown),
    ]
    return found or [Finding(subject="Settings", state=State.OK, message="none is wrong or missing.")]


async def _database_findings(settings: Settings, *, is_embedded: bool) -> list[Finding]:
    assert settings.database_url is not None
    try:
        conn = await connect(settings.database_url)
    except (DatabaseUnavailable, DatabaseRefused) as error:
        cure = f"Start PostgreSQL {LEAST_VERSION} or newer, or correct TELLGRAPH_DATABASE_URL."
        rest = "Version, migration, triggers, role, secret key, clock and queue could not be looked at."
        return [
            Finding(subject="PostgreSQL", state=State.WRONG, message=error.message, cure=cure),
            Finding(subject="Database", state=State.UNKNOWN, message=rest),
        ]
    try:
        return await database.examine(conn, settings, place=place_of(settings.database_url), is_embedded=is_embedded)
    finally:
        await conn.close()


async def _redis_finding(settings: Settings) -> Finding:
    assert settings.redis_url is not None
    redis = open_redis(settings.redis_url)
    try:
        await redis.ping()
    except (RedisError, OSError) as error:
        cure = "Start Redis, or correct TELLGRAPH_REDIS_URL. Nothing is lost meanwhile, but nothing is sent."
        message = f"can't be reached: {reason_of(error)}."
        return Finding(subject="Redis", state=State.WRONG, message=message, cure=cure)
    finally:
        await redis.aclose()
    return Finding(subject="Redis", state=State.OK, message="answers.")


def _egress_finding(settings: Settings) -> Finding:
    owners = {"the operator's": settings.egress_allow, "sellers'": settings.egress_allow_sellers}
    scheme = "by http:// too" if settings.allow_http else "by https:// alone"
    opened = [f"{owner} also {', '.join(map(str, allowed))} by both" for owner, allowed in owners.items() if allowed]
    message = f"{'; '.join([f'webhooks may reach public addresses {scheme}', *opened])}."
    if any(network.prefixlen == 0 for networks in owners.values() for network in networks):
        cure = "Name only the networks of your own receivers in TELLGRAPH_EGRESS_ALLOW and …_SELLERS."
        return Finding(subject="Egress", state=State.WARNING, message=message, cure=cure)
    if settings.allow_http:
        cure = "Unset TELLGRAPH_ALLOW_HTTP, so that nobody on the way can read payloads."
        return Finding(subject="Egress", state=State.WARNING, message=message, cure=cure)
    return Finding(subject="Egress", state=State.OK, message=message)


def _disk_finding(data_dir: Path) -> Finding:
    free = shutil.disk_usage(data_dir).free
    message = f"{free / 2**30:.1f} GiB are free for {data_dir}."
    if free < _LITTLE_DISK:
        return Finding(subject="Disk", state=State.WRONG, message=message, cure="Make room: PostgreSQL stops without.")
    return Finding(subject="Disk", state=State.OK, message=message)
