"""Transactions that are prepared first and committed later (XA): recorded and told as any other."""

import asyncpg

from app.webhooks.jobs import Job
from tests.builders.variants import create_variant
from tests.support.outbox import recorded
from tests.support.servers import PrivateServers
from tests.support.waiting import until
from tests.workers.test_doorbell import listening


async def test_any_writer_may_prepare_its_transaction(private_servers: PrivateServers) -> None:
    await _let_transactions_be_prepared(private_servers)
    conn = await asyncpg.connect(private_servers.database_url)
    try:
        variant = await create_variant(conn)
        # As if nobody had been rung for a long time, so that a ring is due.
        await conn.execute("select setval('doorbell', 0)")

        await conn.execute("begin")
        await conn.execute("update variants set sku = 'prepared'")
        await conn.execute("prepare transaction 'xa'")
        waiting = [one.columns for one in await recorded(conn)]
        await conn.execute("commit prepared 'xa'")

        assert waiting == [["variants.*"]]
        assert [(one.entity, one.columns) for one in await recorded(conn)] == [
            (("Variant", variant.id), ["variants.sku"])
        ]
    finally:
        await conn.close()


async def test_workers_look_often_where_no_commit_rings(private_servers: PrivateServers) -> None:
    await _let_transactions_be_prepared(private_servers)
    conn = await asyncpg.connect(private_servers.database_url)
    try:
        async with listening(private_servers.database_url) as bell:
            await create_variant(conn)
            await until(bell.has_rung)

        assert bell.rings[0][0] is Job.PUBLISH
    finally:
        await conn.close()


async def _let_transactions_be_prepared(servers: PrivateServers) -> None:
    conn = await asyncpg.connect(servers.database_url)
    await conn.execute("alter system set max_prepared_transactions = 5")
    await conn.close()
    servers.postgres.restart()
