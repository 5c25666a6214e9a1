"""Alembic's environment: online only, on asyncpg, one transaction per revision."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine


def _run(connection: Connection) -> None:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def _online() -> None:
    url: str = context.config.attributes["database_url"]
    driver_url = "postgresql+asyncpg://" + url.split("://", 1)[1]
    engine = create_async_engine(driver_url, poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_run)
    await engine.dispose()


asyncio.run(_online())
