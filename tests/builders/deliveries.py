from typing import Any

import orjson

from app.auth.secrets import secret_box
from app.db.pool import Connection, retry_if_moved
from app.webhooks.db.deliveries import DueEvent, Result, claim_due
from app.webhooks.db.webhooks import WEBHOOKS, Webhook, next_webhook_id
from app.webhooks.domain.webhook import WebhookDelivery
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.webhooks import HEADERS, SECRETS
from tests.builders.rows import insert_row
from tests.support.platform import SECRET_KEY

SIGNING_SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


async def create_subscription(conn: Connection, url: str | None, **overrides: Any) -> Webhook:
    """The operator's webhook for invoices, signed with SIGNING_SECRET. `secrets` and `headers` are sealed here."""
    webhook_id = await next_webhook_id(conn)
    for name, purpose in (("secrets", SECRETS), ("headers", HEADERS)):
        if not isinstance(overrides.get(name, b""), bytes):
            overrides[name] = secret_box(SECRET_KEY).seal(overrides[name], purpose=purpose, row=webhook_id)
    defaults = {
        "id": webhook_id,
        "type": "INVOICE",
        "event_names": ["CREATE", "UPDATE", "DESTROY"],
        "url": url,
        "query_string": "",
        "secrets": secret_box(SECRET_KEY).seal([SIGNING_SECRET], purpose=SECRETS, row=webhook_id),
    }
    return await insert_row(conn, WEBHOOKS, defaults, overrides)


async def create_pulled_subscription(conn: Connection, **overrides: Any) -> Webhook:
    """The same, whose receivers take its messages."""
    return await create_subscription(conn, None, delivery=WebhookDelivery.PULL, **overrides)


async def make_retries_due(conn: Connection) -> None:
    """All of them at once, while workers are at them. Those that are due stay untouched."""
    sql = (
        "update webhook_events_open set due_at = clock_timestamp()"
        " where state = 'RETRYING' and due_at > clock_timestamp()"
    )
    await retry_if_moved(conn, lambda: conn.execute(sql))


async def create_due_events(
    conn: Connection, webhook: Webhook, count: int = 1, *, first_entity: int = 1, state: str = "PENDING"
) -> list[int]:
    """Rendered events of `count` invoices, numbered from `first_entity`; their ids, rising."""
    body = orjson.dumps({"data": {"node": {"__typename": "Invoice"}}})
    await conn.execute("insert into payloads (digest, body) values (sha256($1), $1) on conflict do nothing", body)
    rows = await conn.fetch(
        """
        insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest, changed,
          changed_at, due_at, finished_at, is_pulled)
        select $1, 'Invoice', n, 'update', $4, sha256($5), '{"added": [], "updated": ["totalCents"], "removed": []}',
          now(), case when $4 in ('PENDING', 'RETRYING') then now() end, case when $4 = 'DELIVERED' then now() end, $6
        from generate_series($2::bigint, $2 + $3 - 1) n returning id
        """,
        webhook.id,
        first_entity,
        count,
        state,
        body,
        webhook.delivery is WebhookDelivery.PULL,
    )
    return [row["id"] for row in rows]


async def claim_all(conn: Connection) -> list[DueEvent]:
    """Lease everything that is due, as a sender does."""
    return await claim_due(conn, limit=99, per_webhook=99, after=0, failing_share=9, lease_s=60)


def result_of(due: DueEvent, **overrides: Any) -> Result:
    """Return the result of a claimed event's attempt: delivered, unless told otherwise."""
    values = {
        "id": due.id,
        "webhook_id": due.webhook_id,
        "attempt": due.attempt,
        "state": WebhookEventState.DELIVERED,
        "reason": None,
        "status": 200,
        "error_kind": None,
        "error": None,
        "response_body": b"ok",
        "duration_ms": 3,
        "delay_s": None,
        "disable_reason": None,
    }
    return Result(**{**values, **overrides})
