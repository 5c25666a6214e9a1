"""An event that Tellgraph could not send goes out when the secret key is right again."""

import base64

import asyncpg
import pytest

from app.auth.secrets import secret_box
from app.webhooks.domain.retry import PAYLOAD_GONE_REASON
from app.webhooks.services.webhooks import SECRETS
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import running_worker, settings_for
from tests.support.receiver import Receiver
from tests.support.waiting import until

OTHER_KEY = base64.b64encode(bytes(32)).decode()


async def test_it_counts_against_no_limit_and_says_nothing_of_the_endpoint(
    conn: asyncpg.Connection, database_url: str, redis_url: str, receiver: Receiver
) -> None:
    webhook = await create_subscription(conn, receiver.url(), max_retries=0)
    await create_due_events(conn, webhook)
    unreadable = secret_box(OTHER_KEY).seal(["whsec_" + "A" * 32], purpose=SECRETS, row=webhook.id)
    await conn.execute("update webhooks set secrets = $1", unreadable)

    async with running_worker(settings_for(database_url, redis_url)):
        await _ended(conn, attempts=1)
        first = await conn.fetchrow("select state, attempt_count, attempts_before from webhook_events")
        await conn.execute("update webhook_events set due_at = now()")
        await _ended(conn, attempts=2)
        healthy = await conn.fetchrow("select is_failing, failing_since, is_enabled from webhooks")
        await conn.execute("update webhooks set secrets = $1, updated_at = now()", webhook.secrets)
        await conn.execute("update webhook_events set due_at = now()")
        (delivery,) = await receiver.wait_for()
        await _ended(conn, attempts=3)

    assert first is not None
    assert tuple(first) == ("RETRYING", 1, 1)
    assert healthy is not None
    assert tuple(healthy) == (False, None, True)
    assert delivery.headers["tellgraph-attempt"] == "3"
    kinds = await conn.fetch("select error_kind, status from delivery_attempts order by number")
    assert [tuple(row) for row in kinds] == [("UNSENT", None), ("UNSENT", None), (None, 200)]
    assert await conn.fetchval("select state from webhook_events") == "DELIVERED"
    assert await conn.fetchval("select count(*) from operational_events") == 0


@pytest.mark.parametrize("event_name", ["update", "test"])
async def test_payload_that_is_gone_fails_its_event_and_holds_up_nothing(
    conn: asyncpg.Connection, database_url: str, redis_url: str, receiver: Receiver, event_name: str
) -> None:
    webhook = await create_subscription(conn, receiver.url())
    (gone,) = await create_due_events(conn, webhook)
    await conn.execute("update webhook_events set event_name = $1", event_name)
    await conn.execute("delete from payloads")
    # Of the same entity: it waits for what is before it.
    (next_one,) = await create_due_events(conn, webhook)
    await conn.execute("update webhook_events set payload_digest = sha256('lost') where id = $1", gone)

    async with running_worker(settings_for(database_url, redis_url)):
        await _ended(conn, attempts=2)

    rows = await conn.fetch("select id, state, reason, attempt_count from webhook_events order by id")
    assert [tuple(row) for row in rows] == [(gone, "FAILED", PAYLOAD_GONE_REASON, 1), (next_one, "DELIVERED", None, 1)]
    kinds = await conn.fetch("select error_kind, error from delivery_attempts where webhook_event_id = $1", gone)
    assert [tuple(row) for row in kinds] == [("PAYLOAD_GONE", "The payload is not there any more.")]
    assert await conn.fetchval("select failing_since is null and is_enabled from webhooks")
    assert len(receiver.deliveries) == 1


async def _ended(conn: asyncpg.Connection, *, attempts: int) -> None:
    """Wait until so many attempts have been made and stored."""

    async def has_ended() -> bool:
        found = "select count(*) from delivery_attempts where finished_at is not null"
        return bool(await conn.fetchval(found) == attempts)

    await until(has_ended)
