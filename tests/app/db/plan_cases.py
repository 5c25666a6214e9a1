"""Statements whose input varies in size, as cases of tests/support/plan_histories.py; a new one is one entry here.

Capture and publishing have files of their own, whose cases are listed with the others.

Above 300 lines: a table with one entry for each statement.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from app.capture import change_events
from app.db.upsert import upsert_rows
from app.db.write import insert_rows
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.webhooks.db import (
    backlog,
    deliveries,
    operational_events,
    payloads,
    retention,
    webhook_event_changes,
    webhook_events,
    webhook_outages,
)
from app.webhooks.db.deliveries import Result
from app.webhooks.db.payloads import Payload
from app.webhooks.db.taking import messages
from app.webhooks.db.webhook_events import (
    NewWebhookEvent,
    Subject,
    WebhookEventId,
)
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import REPLAYABLE, WebhookEventState
from tests.app.capture import plan_cases_capture
from tests.app.db import plan_cases_publishing
from tests.app.db.plan_rows import FIRST, WEBHOOKS, case, change_ids, changes, events, subjects
from tests.support.plan_histories import Conn

_numbers = count(1)


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
    await events("PENDING")(conn, present, taken)
    return [new_event(number) for number in range(1, taken + 1)]


async def _newer_events(conn: Conn, present: int, taken: int) -> list[NewWebhookEvent]:
    old = await events("PENDING")(conn, present, taken)
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
        ids = await events("SENDING")(conn, present, taken)
        return [result(event_id, is_failed=is_failed) for event_id in ids]

    return given


async def _failing_webhooks(conn: Conn, present: int, taken: int) -> list[WebhookId]:
    """Many webhooks, of which those taken fail and have not been reported yet. Left from before, they are sound."""
    await conn.execute("update webhooks set failing_since = null, outage_reported_at = null")
    await conn.execute(
        "insert into webhooks (type, event_names, url, query_string, secrets)"
        " select 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '' from generate_series(1, $1::int) n",
        present - await conn.fetchval("select count(*) from webhooks"),
    )
    rows = await conn.fetch(
        "update webhooks set failing_since = now() - interval '30 d' where id <= $1 returning id", taken
    )
    return [WebhookId(row["id"]) for row in rows]


async def _taken(conn: Conn, present: int, taken: int) -> int:
    await events("DELIVERED", payload=True)(conn, present, taken)
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


def _external_ids(*, are_new: bool) -> Callable[[Conn, int, int], Awaitable[list[dict[str, object]]]]:
    """One seller's. Those that are there already keep their values."""

    async def given(conn: Conn, present: int, taken: int) -> list[dict[str, object]]:
        await conn.execute("delete from external_ids")
        await conn.execute(
            "insert into external_ids (owner_type, owner_id, key, value)"
            " select 'Seller', 1, n::text, '' from generate_series(1, $1::int) n",
            present,
        )
        await conn.execute("delete from change_events")
        first = present + 1 if are_new else 1
        return [
            {"owner_type": "Seller", "owner_id": 1, "key": str(number), "value": ""}
            for number in range(first, first + taken)
        ]

    return given


async def _upsert(conn: Conn, values: list[dict[str, object]]) -> None:
    await upsert_rows(conn, EXTERNAL_IDS, values, unique=("owner_type", "owner_id", "key"))


async def _insert(conn: Conn, values: list[dict[str, object]]) -> None:
    await insert_rows(conn, EXTERNAL_IDS, values)


def _before() -> date:
    return datetime.now(UTC).date() - timedelta(days=30)


async def _delete(conn: Conn, table: str) -> None:
    (ended,) = [one for one in (*retention.OLD, *retention.EXPIRED[:1]) if one.table == table]
    await retention.delete_unneeded(conn, ended, before=_before())


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


async def _copy(conn: Conn, digests: list[bytes]) -> None:
    await payloads.insert_payloads(conn, [], older=digests)


async def _older(conn: Conn, present: int, taken: int) -> list[bytes]:
    """Return the digests of some of yesterday's payloads."""
    rows = await conn.fetch(
        "with made as (insert into payloads (digest, day, body)"
        " select sha256(n::text::bytea), current_date - 1, '{}' from generate_series(1, $1::int) n returning digest)"
        " select digest from made limit $2",
        present,
        taken,
    )
    return [row["digest"] for row in rows]


async def _due_with_previous(conn: Conn, present: int, taken: int) -> int:
    """The same for webhooks that have confirmed each entity before."""
    await conn.execute("update webhooks set include_previous = true")
    await conn.execute(
        "insert into webhook_given (webhook_id, entity_type, entity_id, webhook_event_id, event_name, payload_digest)"
        f" select 2 + n % {WEBHOOKS - 1}, 'Invoice', n, 0, 'update', sha256('{{}}') from generate_series(1, $1::int) n",
        present,
    )
    return await _due(conn, present, taken)


async def _due(conn: Conn, present: int, taken: int) -> int:
    """Spread over all webhooks, each of which is sent a hundred at once at most."""
    await events("PENDING", payload=True)(conn, present, 0)
    return taken


CASES = (
    case(name="claim change events", given=changes, act=lambda c, n: change_events.claim_batch(c, limit=n)),
    case(
        name="mark published",
        given=change_ids,
        act=change_events.mark_published,
    ),
    case(name="look for work", given=_due, act=lambda c, _: change_events.work_waits(c), is_fixed=True),
    case(name="read the backlog", given=_due, act=lambda c, _: backlog.read_backlog(c), is_fixed=True),
    case(
        name="list given",
        given=subjects,
        act=webhook_events.list_given,
    ),
    case(name="lock waiting", given=subjects, act=_lock_waiting, covers=("webhook_events.lock_waiting",)),
    case(
        name="insert payloads",
        given=_payloads,
        act=payloads.insert_payloads,
        covers=("payloads._INSERT",),
    ),
    case(name="copy older payloads", given=_older, act=_copy, covers=("payloads._INSERT_OR_COPY",)),
    case(
        name="insert webhook events",
        given=_new_events,
        act=webhook_events.insert_webhook_events,
        covers=("transitions.INSERT",),
    ),
    case(
        name="supersede",
        given=_newer_events,
        act=webhook_events.insert_webhook_events,
        covers=("transitions._SUPERSEDE",),
    ),
    case(name="hold", given=events("PENDING"), act=lambda c, _: webhook_events.hold_open(c, FIRST)),
    case(name="release held", given=events("HELD"), act=lambda c, _: webhook_events.release_held(c, FIRST)),
    case(
        name="cancel all of a webhook",
        given=events("RETRYING"),
        act=lambda c, _: webhook_event_changes.cancel_open(c, FIRST, "gone"),
    ),
    case(name="claim due", given=_due, act=_claim),
    case(name="claim due with previous payloads", given=_due_with_previous, act=_claim),
    case(
        name="record successes",
        given=_results(),
        act=deliveries.record_results,
        covers=("transitions.RECORD", "deliveries._RESULTS", "webhooks.lock_webhooks"),
    ),
    case(
        name="record failures",
        given=_results(is_failed=True),
        act=deliveries.record_results,
        covers=("operational_events.raise_exhausted",),
    ),
    case(
        name="release what has expired",
        given=events("SENDING", lease="now() - interval '1 min'"),
        act=lambda c, _: deliveries.release_expired(c),
    ),
    case(
        name="list what was taken",
        given=events("SENDING"),
        act=lambda c, ids: messages.list_taken(c, FIRST, ids, seller_id=None),
        covers=("messages.list_taken",),
    ),
    case(
        name="extend leases",
        given=events("SENDING"),
        act=lambda c, ids: messages.extend_leases(c, FIRST, ids, [1] * len(ids), lease_s=60),
        covers=("messages.extend_leases",),
    ),
    case(
        name="replay",
        given=events("DELIVERED", payload=True),
        act=lambda c, ids: webhook_event_changes.replay_webhook_events(c, ids, is_enabled=True),
        covers=("transitions.REPLAY",),
    ),
    case(
        name="list what can be replayed",
        given=_taken,
        act=_replayable,
        covers=("webhook_event_changes._REPLAYABLE",),
    ),
    case(
        name="count what can be replayed",
        given=_taken,
        act=_count,
    ),
    case(
        name="lock what is to be rendered again",
        given=events("RENDER_FAILED"),
        act=lambda c, ids: webhook_event_changes.give_up_rendering(c, ids, "It failed again."),
        covers=("webhook_event_changes.give_up_rendering",),
    ),
    case(name="lock entities", given=_ids, act=_lock_entities, covers=("lock_entities.sql",)),
    case(
        name="list failing webhooks",
        given=_failing_webhooks,
        act=lambda c, ids: webhook_outages.list_failing(c, ids, days=5),
        covers=("webhook_outages.list_failing",),
    ),
    case(
        name="raise FAILING", given=_failing_webhooks, act=_raise_failing, covers=("operational_events.raise_failing",)
    ),
    case(name="insert rows", given=_external_ids(are_new=True), act=_insert, covers=("write.insert_rows",)),
    case(name="upsert new rows", given=_external_ids(are_new=True), act=_upsert, covers=("upsert.upsert_rows",)),
    case(name="upsert rows that are there", given=_external_ids(are_new=False), act=_upsert),
    case(
        name="delete old operational events",
        given=_ended("operational_events", "occurred_at", "webhook_id, kind, reason:1, 'FAILING', ''"),
        act=lambda c, _: _delete(c, "operational_events"),
    ),
    case(
        name="delete old requests",
        given=_ended("idempotency_keys", "created_at", "actor, key, field, request_hash:'operator', n::text, 'f', ''"),
        act=lambda c, _: _delete(c, "idempotency_keys"),
    ),
    *plan_cases_publishing.CASES,
    *plan_cases_capture.CASES,
)
