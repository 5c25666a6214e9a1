"""The queue's statements whose input varies in size, as cases of tests/support/plan_histories.py."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from app.db import (
    backlog,
    change_events,
    deliveries,
    operational_events,
    retention,
    webhook_event_changes,
    webhook_events,
    webhooks,
)
from app.db.deliveries import Result
from app.db.sellers import SellerId
from app.db.webhook_events import NewWebhookEvent, Payload, Subject, WebhookEventId
from app.db.webhooks import WebhookId
from app.domain.webhook import WebhookEventName, WebhookKlass
from app.domain.webhook_event import REPLAYABLE, WebhookEventState
from tests.support.plan_histories import Case, Conn

#: The first one has what a case takes, the others the rest.
WEBHOOKS = 100
FIRST = WebhookId(1)
_numbers = count(1)


async def create_webhooks(conn: Conn) -> None:
    """Webhooks of the operator, each with an own query; and one seller."""
    await conn.execute("insert into sellers (business_name, email_address) values ('s', 'e')")
    await conn.execute(
        "insert into webhooks (type, events, url, query_string, secrets)"
        " select 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', n::text, '' from generate_series(1, $1::int) n",
        WEBHOOKS,
    )


def _events(
    state: str, *, payload: bool = False, lease: str = "null"
) -> Callable[[Conn, int, int], Awaitable[list[WebhookEventId]]]:
    """Webhook events in a state: those taken of the first webhook, the others of all others, interleaved."""

    async def given(conn: Conn, present: int, taken: int) -> list[WebhookEventId]:
        rows = await conn.fetch(
            f"""
            with made as (
              insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, payload_digest,
                changed, changed_at, attempt_count, due_at, lease_until, attempted_at, finished_at)
              select case when n <= $2 then 1 else 2 + n % {WEBHOOKS - 1} end, 'Invoice', n, 'update', $3,
                case when $4 then sha256('{{}}') end, '{{}}', now(), case when $3 = 'SENDING' then 1 else 0 end,
                case when $3 in ('PENDING', 'RETRYING') then now() end,
                case when n <= $2 then {lease} else now() + interval '1 h' end,
                now(), case when $3 not in ('PENDING', 'RETRYING', 'SENDING', 'HELD') then now() end
              from generate_series(1, $1::int) n returning id, entity_id, webhook_id, attempted_at, attempt_count
            ), attempts as (
              insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at)
              select webhook_id, id, 1, attempted_at from made where attempt_count = 1
            ) select id from made order by entity_id limit $2
            """,
            present,
            taken,
            state,
            payload,
        )
        if payload:
            await conn.execute("insert into payloads (digest, body) values (sha256('{}'), '{}') on conflict do nothing")
        return [WebhookEventId(row["id"]) for row in rows]

    return given


async def _changes(conn: Conn, present: int, taken: int) -> int:
    await conn.execute(
        "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut)"
        " select 'Invoice', n, 'UPDATE', '{invoices.total_cents}', '[]', false from generate_series(1, $1::int) n",
        present,
    )
    return taken


async def _change_ids(conn: Conn, present: int, taken: int) -> list[int]:
    await _changes(conn, present, taken)
    return [row["id"] for row in await conn.fetch("select id from change_events_open order by id limit $1", taken)]


async def _subjects(conn: Conn, present: int, taken: int) -> list[Subject]:
    """Each with an open event, and with one that was delivered."""
    await _events("PENDING")(conn, present, taken)
    await conn.execute(
        "insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name)"
        " select webhook_id, entity_type, entity_id, id, event_name from webhook_events"
    )
    return [(FIRST, "Invoice", number) for number in range(1, taken + 1)]


async def _payloads(conn: Conn, present: int, taken: int) -> list[Payload]:
    await conn.execute(
        "insert into payloads (digest, body) select sha256(n::text::bytea), '{}' from generate_series(1, $1::int) n",
        present,
    )
    return [Payload(digest=next(_numbers).to_bytes(32), body=b"{}") for _ in range(taken)]


def new_event(entity_id: int, *supersedes: WebhookEventId) -> NewWebhookEvent:
    return NewWebhookEvent(
        webhook_id=FIRST,
        entity_type="Invoice",
        entity_id=entity_id,
        event_name=WebhookEventName.UPDATE,
        state=WebhookEventState.PENDING,
        reason=None,
        payload_digest=None,
        changed=b"{}",
        changed_at=datetime.now(UTC),
        supersedes=supersedes,
    )


async def _new_events(conn: Conn, present: int, taken: int) -> list[NewWebhookEvent]:
    await _events("PENDING")(conn, present, taken)
    return [new_event(number) for number in range(1, taken + 1)]


async def _newer_events(conn: Conn, present: int, taken: int) -> list[NewWebhookEvent]:
    old = await _events("PENDING")(conn, present, taken)
    return [new_event(number, event_id) for number, event_id in enumerate(old, 1)]


def result(event_id: WebhookEventId, *, is_failed: bool = False) -> Result:
    return Result(
        id=event_id,
        webhook_id=FIRST,
        attempt=1,
        state=WebhookEventState.FAILED if is_failed else WebhookEventState.DELIVERED,
        reason=None,
        status=500 if is_failed else 200,
        error_kind=None,
        error=None,
        response_body=b"ok",
        duration_ms=3,
        delay_s=None,
        disable_reason=None,
    )


def _results(*, is_failed: bool = False) -> Callable[[Conn, int, int], Awaitable[list[Result]]]:
    async def given(conn: Conn, present: int, taken: int) -> list[Result]:
        ids = await _events("SENDING")(conn, present, taken)
        return [result(event_id, is_failed=is_failed) for event_id in ids]

    return given


async def _failing_webhooks(conn: Conn, present: int, taken: int) -> list[WebhookId]:
    """Many webhooks, of which those taken fail and have not been reported yet. Left from before, they are sound."""
    await conn.execute("update webhooks set failing_since = null, outage_reported_at = null")
    await conn.execute(
        "insert into webhooks (type, events, url, query_string, secrets)"
        " select 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '' from generate_series(1, $1::int) n",
        present - await conn.fetchval("select count(*) from webhooks"),
    )
    rows = await conn.fetch(
        "update webhooks set failing_since = now() - interval '30 d' where id <= $1 returning id", taken
    )
    return [WebhookId(row["id"]) for row in rows]


async def _sellers(conn: Conn, present: int, taken: int) -> list[SellerId]:
    """Sellers with a webhook each. Those of earlier rounds have none any more, nor has the operator."""
    await conn.execute("delete from webhooks")
    rows = await conn.fetch(
        """
        with s as (
          insert into sellers (business_name, email_address) select 's', 'e' from generate_series(1, $1::int)
          returning id
        ), w as (
          insert into webhooks (seller_id, type, events, url, query_string, secrets)
          select id, 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '' from s
        ) select id from s order by id limit $2
        """,
        present,
        taken,
    )
    await conn.execute("delete from change_events")
    return [SellerId(row["id"]) for row in rows]


async def _taken(conn: Conn, present: int, taken: int) -> int:
    await _events("DELIVERED", payload=True)(conn, present, taken)
    return taken


def _ended(table: str, column: str, values: str) -> Callable[[Conn, int, int], Awaitable[None]]:
    """Rows of which those taken are old."""

    async def given(conn: Conn, present: int, taken: int) -> None:
        await conn.execute(f"delete from {table}")
        await conn.execute(
            f"insert into {table} ({column}, {values.partition(':')[0]})"
            f" select case when n <= $2 then now() - interval '90 d' else now() end, {values.partition(':')[2]}"
            " from generate_series(1, $1::int) n",
            present,
            taken,
        )

    return given


def _before() -> date:
    return datetime.now(UTC).date() - timedelta(days=30)


async def _delete(conn: Conn, table: str) -> None:
    (ended,) = [one for one in (*retention.OLD, *retention.EXPIRED[:1]) if one.table == table]
    await retention.delete_ended(conn, ended, before=_before())


async def _replayable(conn: Conn, limit: int, webhook: WebhookId = FIRST) -> list[WebhookEventId]:
    return await webhook_event_changes.list_replayable(
        conn,
        webhook,
        states=REPLAYABLE,
        created_since=None,
        created_until=None,
        after=0,
        last_id=2**62,
        limit=limit,
    )


async def _count(conn: Conn, _: Any) -> None:
    await webhook_event_changes.count_replayable(conn, FIRST, states=REPLAYABLE, created_since=None, created_until=None)


async def _lock_waiting(conn: Conn, subjects: list[Subject]) -> None:
    async with conn.transaction():
        await webhook_events.lock_waiting(conn, subjects)


async def _lock_entities(conn: Conn, ids: list[int]) -> None:
    async with conn.transaction():
        await webhook_event_changes.lock_entities(conn, "Invoice", ids)


async def _ids(conn: Conn, present: int, taken: int) -> list[int]:
    return list(range(1, taken + 1))


async def _raise_failing(conn: Conn, _: Any) -> None:
    await operational_events.raise_failing(conn, after_s=60)


async def _claim(conn: Conn, limit: int) -> None:
    await deliveries.claim_due(conn, limit=limit, per_webhook=1000, after=0, failing_share=10, lease_s=60)


async def _due(conn: Conn, present: int, taken: int) -> int:
    """Spread over all webhooks, each of which is sent a hundred at once at most."""
    await _events("PENDING", payload=True)(conn, present, 0)
    return taken


CASES = (
    Case(name="claim change events", given=_changes, act=lambda c, n: change_events.claim_batch(c, limit=n)),
    Case(
        name="mark published",
        given=_change_ids,
        act=change_events.mark_published,
        covers=("change_events.mark_published",),
    ),
    Case(name="look for work", given=_due, act=lambda c, _: change_events.work_waits(c), is_fixed=True),
    Case(name="read the backlog", given=_due, act=lambda c, _: backlog.read_backlog(c), is_fixed=True),
    Case(name="list given", given=_subjects, act=webhook_events.list_given, covers=("webhook_events.list_given",)),
    Case(name="lock waiting", given=_subjects, act=_lock_waiting, covers=("webhook_events.lock_waiting",)),
    Case(
        name="insert payloads",
        given=_payloads,
        act=webhook_events.insert_payloads,
        covers=("webhook_events.insert_payloads",),
    ),
    Case(
        name="insert webhook events",
        given=_new_events,
        act=webhook_events.insert_webhook_events,
        covers=("webhook_events.insert_webhook_events",),
    ),
    Case(
        name="supersede",
        given=_newer_events,
        act=webhook_events.insert_webhook_events,
        covers=("webhook_events._supersede",),
    ),
    Case(name="hold", given=_events("PENDING"), act=lambda c, _: webhook_events.hold_open(c, FIRST)),
    Case(name="release held", given=_events("HELD"), act=lambda c, _: webhook_events.release_held(c, FIRST)),
    Case(
        name="cancel all of a webhook",
        given=_events("RETRYING"),
        act=lambda c, _: webhook_event_changes.cancel_open(c, FIRST, "gone"),
    ),
    Case(name="claim due", given=_due, act=_claim),
    Case(
        name="record successes",
        given=_results(),
        act=deliveries.record_results,
        covers=("deliveries.record_results", "deliveries._lock_webhooks"),
    ),
    Case(
        name="record failures",
        given=_results(is_failed=True),
        act=deliveries.record_results,
        covers=("operational_events.raise_exhausted",),
    ),
    Case(
        name="release what has expired",
        given=_events("SENDING", lease="now() - interval '1 min'"),
        act=lambda c, _: deliveries.release_expired(c),
    ),
    Case(
        name="replay",
        given=_events("DELIVERED", payload=True),
        act=lambda c, ids: webhook_event_changes.replay_webhook_events(c, ids, is_enabled=True),
        covers=("webhook_event_changes.replay_webhook_events",),
    ),
    Case(
        name="list what can be replayed",
        given=_taken,
        act=_replayable,
        covers=("webhook_event_changes.list_replayable",),
    ),
    Case(
        name="count what can be replayed",
        given=_taken,
        act=_count,
        covers=("webhook_event_changes.count_replayable",),
    ),
    Case(
        name="lock what is to be rendered again",
        given=_events("RENDER_FAILED"),
        act=lambda c, ids: webhook_event_changes.give_up_rendering(c, ids, "It failed again."),
        covers=("webhook_event_changes.give_up_rendering",),
    ),
    Case(name="lock entities", given=_ids, act=_lock_entities, covers=("lock_entities.sql",)),
    Case(
        name="list failing webhooks",
        given=_failing_webhooks,
        act=lambda c, ids: deliveries.list_failing(c, ids, days=5),
        covers=("deliveries.list_failing",),
    ),
    Case(
        name="raise FAILING", given=_failing_webhooks, act=_raise_failing, covers=("operational_events.raise_failing",)
    ),
    Case(
        name="list subscribed webhooks",
        given=_sellers,
        act=lambda c, ids: webhooks.list_subscribed(c, [WebhookKlass.INVOICE], ids),
        covers=("webhooks.list_subscribed",),
    ),
    Case(
        name="delete old operational events",
        given=_ended("operational_events", "occurred_at", "webhook_id, kind, reason:1, 'FAILING', ''"),
        act=lambda c, _: _delete(c, "operational_events"),
        covers=("retention._delete",),
    ),
    Case(
        name="delete old requests",
        given=_ended("idempotency_keys", "created_at", "actor, key, field, request_hash:'operator', n::text, 'f', ''"),
        act=lambda c, _: _delete(c, "idempotency_keys"),
    ),
)
