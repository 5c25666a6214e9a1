"""The hub and those who wait for the messages of pulled webhooks."""

from app.db.pool import Connection
from app.webhooks.streams.hub import Hub
from tests.builders.deliveries import create_pulled_subscription
from tests.support.waiting import until


async def test_whoever_waits_for_messages_is_noted_again_and_again(conn: Connection, database_url: str) -> None:
    """Or a temporary webhook whose receiver has a stream open would be deleted after an hour without messages."""
    waited_for, other = [(await create_pulled_subscription(conn, is_temporary=True)).id for _ in range(2)]
    hub = Hub(database_url, timeout_s=10, noted_every_s=0.05)
    noted = "select webhook_id from webhook_takers where last_taken_at > now() - interval '30 min'"
    try:
        async with hub.taking(waited_for):
            await until(lambda: conn.fetchval(noted))
            await conn.execute("update webhook_takers set last_taken_at = now() - interval '1 hour'")
            await until(lambda: conn.fetchval(noted))
    finally:
        await hub.close()
    assert other not in [row["webhook_id"] for row in await conn.fetch("select webhook_id from webhook_takers")]
