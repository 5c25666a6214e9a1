"""Messages of pulled webhooks: events that a receiver has taken under a lease, and has not settled yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from app.db.pool import Connection
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.taking.webhook_takers import NOTED_EVERY_S
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId

_NO_WEBHOOK = "There is no such webhook."


class TakenEvent(NamedTuple):
    """An event that was taken, with all that its outcome is decided by.

    Attributes:
        attempt: Its number; with the event's id it names the message.
        attempts_before: The number of attempts before it was last replayed: they count against no limit.
        held_ms: Milliseconds since it was taken.
    """

    id: WebhookEventId
    webhook_id: WebhookId
    entity_type: str
    entity_id: int
    event_name: str
    attempt: int
    attempts_before: int
    first_attempted_at: datetime
    max_retries: int
    held_ms: int


class PulledWebhook(NamedTuple):
    """A webhook whose messages somebody asks for.

    Attributes:
        is_pulled: False for one that is POSTed to.
        has_expired: Whether the lease of a message has expired, and nobody has recorded that yet.
        is_noted: Whether it was noted lately that somebody takes its messages.
    """

    is_pulled: bool
    has_expired: bool
    is_noted: bool


_TAKEN = """
  select e.id, e.webhook_id, e.entity_type, e.entity_id, e.event_name, e.attempt_count as attempt, e.attempts_before,
    e.first_attempted_at, case when e.event_name = 'test' then 0 else w.max_retries end as max_retries,
    least(extract(epoch from clock_timestamp() - e.attempted_at) * 1000, 2147483647)::integer as held_ms
  from webhook_events_open e"""


async def get_pulled_webhook(conn: Connection, webhook_id: WebhookId, *, seller_id: SellerId | None) -> PulledWebhook:
    """Return what a taker has to know of a webhook.

    Raises:
        NotFound: There is none, or it is deleted or another seller's.
    """
    row = await conn.fetchrow(
        """
        select w.is_pulled, exists (
          select from webhook_events_open e
          where +e.webhook_id = w.id and e.state = 'SENDING' and e.lease_until < statement_timestamp()
        ) as has_expired, exists (
          select from webhook_takers t
          where t.webhook_id = w.id and t.last_taken_at > statement_timestamp() - make_interval(secs => $3)
        ) as is_noted
        from webhooks w where w.id = $1 and ($2::bigint is null or w.seller_id = $2) and w.deleted_at is null
        """,
        webhook_id,
        seller_id,
        NOTED_EVERY_S,
    )
    if row is None:
        raise NotFound(_NO_WEBHOOK)
    return PulledWebhook(*row)


async def list_taken(
    conn: Connection, webhook_id: WebhookId, ids: Sequence[WebhookEventId], *, seller_id: SellerId | None
) -> tuple[bool, list[TakenEvent]]:
    """Return whether a webhook is pulled, and those of these events that are taken and not settled.

    Raises:
        NotFound: There is no such webhook, or it is deleted or another seller's.
    """
    rows = await conn.fetch(
        f"""
        select w.is_pulled, e.* from webhooks w left join lateral (
          {_TAKEN} where 0 + e.id = any($3::bigint[]) and equals_at_cost(e.webhook_id, w.id)
            and e.state || '' = 'SENDING'
        ) e on true
        where w.id = $1 and ($2::bigint is null or w.seller_id = $2) and w.deleted_at is null
        """,
        webhook_id,
        seller_id,
        list(ids),
    )
    if not rows:
        raise NotFound(_NO_WEBHOOK)
    return rows[0]["is_pulled"], [TakenEvent(*list(row)[1:]) for row in rows if row["id"] is not None]


async def list_expired(conn: Connection, webhook_id: WebhookId | None, *, limit: int) -> list[TakenEvent]:
    """Return events that were taken, and whose lease has expired; of all pulled webhooks if `webhook_id` is None."""
    of_webhook, args = ("", []) if webhook_id is None else (" and +e.webhook_id = $2", [webhook_id])
    rows = await conn.fetch(
        f"{_TAKEN} cross join lateral (select w.max_retries from webhooks w where w.id = e.webhook_id offset 0) w"
        f" where e.state = 'SENDING' and e.is_pulled and e.lease_until < statement_timestamp(){of_webhook}"
        " order by +e.webhook_id, e.lease_until limit $1",
        limit,
        *args,
    )
    return [TakenEvent(*row) for row in rows]


async def extend_leases(
    conn: Connection, webhook_id: WebhookId, ids: Sequence[WebhookEventId], attempts: Sequence[int], *, lease_s: float
) -> dict[WebhookEventId, datetime]:
    """Let the leases of these attempts end so many seconds from now. Return the new ends of those not settled yet."""
    rows = await conn.fetch(
        """
        update webhook_events_open e set lease_until = clock_timestamp() + make_interval(secs => $4)
        from unnest($2::bigint[], $3::integer[]) r(id, attempt)
        where 0 + e.id = any($2::bigint[]) and 0 + e.id = r.id and e.state || '' = 'SENDING'
          and equals_at_cost(e.webhook_id, $1) and equals_at_cost(e.attempt_count, r.attempt)
        returning e.id, e.lease_until
        """,
        webhook_id,
        list(ids),
        list(attempts),
        lease_s,
    )
    return {row["id"]: row["lease_until"] for row in rows}
