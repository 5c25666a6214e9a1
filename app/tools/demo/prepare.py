"""Prepare the database for the demo: a marketplace, and an API key."""

import os
from pathlib import Path

from app.auth.viewers import authenticate, create_key
from app.db.pool import Connection, create_database, transaction
from app.settings import Settings
from app.tools.demo.progress import Steps
from app.tools.seed.small import has_sellers, seed_marketplace


async def prepare(settings: Settings, steps: Steps) -> str:
    """Seed an empty marketplace. Return the operator's key of this directory, or a new one if that is invalid."""
    assert settings.database_url is not None, "the command fills in the embedded server's URL"
    async with create_database(settings.database_url, pool_size=2) as database:
        if await has_sellers(database):
            steps.say("there is one already: it is used as it is")
        else:
            seeded = await seed_marketplace(database)
            steps.say(f"seeded {seeded.sellers} sellers, {seeded.variants} variants, {seeded.orders} orders")
        async with transaction(database) as conn:
            return await _operator_key(conn, settings.data_dir / "demo.key")


async def _operator_key(conn: Connection, path: Path) -> str:
    kept = _read(path)
    viewer = await authenticate(conn, kept)
    if kept is not None and viewer is not None and viewer.is_operator:
        return kept
    key = await create_key(conn, name="tellgraph demo", seller_id=None)
    _keep(path, key)
    return key


def _read(path: Path) -> str | None:
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        return None


def _keep(path: Path, key: str) -> None:
    """Write the key to a new file, because an existing file may have another mode."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key)
