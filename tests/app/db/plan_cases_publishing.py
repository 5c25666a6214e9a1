"""Publishing in steps, what disabled webhooks miss, and what overtakes, as cases of the plan histories."""

import hashlib
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import asyncpg

from app.capture import change_events, missed_changes
from app.capture.change_events import Lane, Leftover
from app.capture.floors import Floors
from app.capture.missed_changes import MissedChange
from app.db.horizon import Horizon
from app.webhooks.db.counts import delivery_minutes, webhook_skips
from app.webhooks.db.immediate_claims import ClaimTerms, insert_claimed, list_claimable
from app.webhooks.db.ordering import blocked_events, successions
from app.webhooks.db.ordering.blocked_events import Place
from app.webhooks.db.ordering.successions import Succession
from app.webhooks.db.webhook_events import NewWebhookEvent, Subject, WebhookEventId
from app.webhooks.db.webhooks import WebhookId, list_changed_subscriptions, list_existing
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.app.db.plan_rows import FIRST, WEBHOOKS, case, change_ids, changes, events
from tests.support.plan_histories import Conn


async def _leftovers(conn: Conn, present: int, taken: int) -> list[Leftover]:
    return [Leftover(id=one, lane=Lane.BULK, webhook_ids=None) for one in await change_ids(conn, present, taken)]


async def _seen(conn: Conn, present: int, taken: int) -> dict[tuple[str, int], int]:
    await changes(conn, present, taken)
    return {("Invoice", number): 0 for number in range(1, taken + 1)}


_BODY = b"{}"


async def _claimable(conn: Conn, present: int, taken: int) -> list[NewWebhookEvent]:
    """New events, spread over all webhooks, whose older ones are held for now."""
    await events("HELD")(conn, present, 0)
    return [
        NewWebhookEvent(
            webhook_id=WebhookId(1 + number % WEBHOOKS),
            entity_type="Invoice",
            entity_id=present + number,
            event_name=WebhookEventName.UPDATE,
            state=WebhookEventState.PENDING,
            reason=None,
            payload_digest=hashlib.sha256(_BODY).digest(),
            changed=b"{}",
            changed_at=datetime.now(UTC),
        )
        for number in range(1, taken + 1)
    ]


async def _insert_claimed(conn: Conn, events: list[NewWebhookEvent]) -> None:
    terms = ClaimTerms(limit=len(events), per_webhook=len(events), lease_s=60)
    bodies = {hashlib.sha256(_BODY).digest(): _BODY}
    claimed = await insert_claimed(conn, events, bodies, claimable=list_claimable(events), terms=terms)
    assert len(claimed) == len(events)


async def _missed(conn: Conn, present: int) -> None:
    await missed_changes.record_missed(conn, [_missed_change(number) for number in range(1, present + 1)])


def _missed_change(entity_id: int) -> MissedChange:
    return MissedChange(
        entity_type="Invoice",
        entity_id=entity_id,
        operation=WebhookEventName.CREATE,
        is_updated=False,
        columns=["invoices.total_cents"],
        changes=[],
        is_cut=False,
        former_seller_ids=(),
        changed_at=datetime.now(UTC),
    )


def _to_miss(*, are_new: bool) -> Callable[[Conn, int, int], Awaitable[list[MissedChange]]]:
    async def given(conn: Conn, present: int, taken: int) -> list[MissedChange]:
        await _missed(conn, present)
        first = present + 1 if are_new else 1
        return [_missed_change(number) for number in range(first, first + taken)]

    return given


async def _missed_ids(conn: Conn, present: int, taken: int) -> list[int]:
    await _missed(conn, present)
    return list(range(1, taken + 1))


async def _clearable(conn: Conn, present: int, taken: int) -> dict[str, str]:
    """Miss changes of one type. The rest are of another type, and webhooks still have to catch up with them."""
    await _missed(conn, taken)
    return {"Invoice": "INVOICE"}


async def _holding_webhooks(conn: Conn, present: int, taken: int) -> list[WebhookId]:
    await events("HELD")(conn, present, 1)
    return [WebhookId(1 + number % WEBHOOKS) for number in range(min(taken, WEBHOOKS))]


def _retrying(*, is_overtaken: bool) -> Callable[[Conn, int, int], Awaitable[list[WebhookEventId]]]:
    async def given(conn: Conn, present: int, taken: int) -> list[WebhookEventId]:
        ids = await events("RETRYING")(conn, present, taken)
        if is_overtaken:
            await events("PENDING")(conn, present, taken)
        return ids

    return given


async def _waiting_subjects(conn: Conn, present: int, taken: int) -> list[Subject]:
    await events("RETRYING")(conn, present, taken)
    return [(FIRST, "Invoice", number) for number in range(1, taken + 1)]


async def _successions(conn: Conn, present: int, taken: int) -> list[Succession]:
    older = await events("RETRYING")(conn, present, taken)
    newer = await events("PENDING")(conn, present, taken)
    return [
        Succession(
            newer=new,
            older=[old],
            state=WebhookEventState.PENDING,
            reason=None,
            event_name=WebhookEventName.UPDATE,
            may_be_known=True,
            changed=b"{}",
        )
        for old, new in zip(older, newer, strict=True)
    ]


async def _lock_unclaimed(conn: Conn, subjects: list[Subject]) -> None:
    async with conn.transaction():
        await successions.lock_unclaimed(conn, subjects)


async def _blocked(conn: Conn, present: int, taken: int) -> None:
    """So many that wait for a retry, and a newer event behind each of those taken."""
    await events("RETRYING")(conn, present, taken)
    await conn.execute("update webhook_events set due_at = now() + interval '1 h'")
    await events("PENDING")(conn, taken, taken)
    await conn.execute("update webhook_events set due_at = now() - interval '1 h' where state = 'PENDING'")


async def _set_aside(conn: Conn, given: None) -> None:
    async with conn.transaction():
        await blocked_events.set_aside_blocked(conn, Place())


async def _set_aside_before(conn: Conn, present: int, taken: int) -> list[asyncpg.Record]:
    """So many set aside; the first ones of those taken are ended."""
    await events("PENDING")(conn, present, taken)
    await conn.execute("update webhook_events set due_at = null")
    return await conn.fetch(
        "select webhook_id, entity_type, entity_id, true as blocks_others from webhook_events"
        " order by entity_id limit $1",
        taken,
    )


async def _forgotten(conn: Conn, present: int, taken: int) -> None:
    """Set aside, so many of them behind nothing."""
    await events("RETRYING")(conn, present, taken)
    await conn.execute("update webhook_events set blocks_others = true, due_at = now() + interval '1 h'")
    await events("PENDING")(conn, present, taken)
    await conn.execute("update webhook_events set due_at = null where state = 'PENDING'")
    await conn.execute("update webhook_events set state = 'CANCELLED' where state = 'RETRYING' and webhook_id = 1")


async def _release_forgotten(conn: Conn, _: None) -> int:
    # It looks at some rows by chance: as many in each history.
    random.seed(1)
    return await blocked_events.release_forgotten(conn)


async def _skips(conn: Conn, present: int, taken: int) -> list[tuple[WebhookId, str, int]]:
    return [(WebhookId(1 + number % WEBHOOKS), f"Reason {number}", 1) for number in range(taken)]


async def _ended(conn: Conn, present: int, taken: int) -> dict[WebhookId, tuple[int, int]]:
    """Counts of all webhooks there are, beside so many minutes of others."""
    await conn.execute(
        "insert into delivery_minutes select now() - n * interval '1 min', 1, 1, 1 from generate_series(1, $1::int) n"
        " on conflict do nothing",
        present,
    )
    return {WebhookId(1 + number): (1, 1) for number in range(min(taken, WEBHOOKS))}


async def _present_horizon(conn: Conn, present: int, taken: int) -> Horizon:
    """Webhooks of which none has been changed since."""
    row = await conn.fetchrow("select pg_snapshot_xmin(pg_current_snapshot()), pg_postmaster_start_time()")
    assert row is not None
    return Horizon(*row)


async def _webhook_ids(conn: Conn, present: int, taken: int) -> list[int]:
    return [row["id"] for row in await conn.fetch("select id from webhooks order by id limit 10")]


CASES = (
    case(name="insert and claim", given=_claimable, act=_insert_claimed, covers=("lock_free_places.sql",)),
    case(name="look for floors", given=changes, act=lambda c, _: Floors().look(c), is_fixed=True),
    case(
        name="leave over",
        given=_leftovers,
        act=change_events.leave_over,
    ),
    case(
        name="set aside",
        given=change_ids,
        act=lambda c, ids: change_events.set_aside(c, ids, "It failed."),
        covers=("change_events.set_aside",),
    ),
    case(
        name="list what has changed since",
        given=_seen,
        act=change_events.list_destroyed_since,
    ),
    case(name="read changed webhooks", given=_present_horizon, act=list_changed_subscriptions, is_fixed=True),
    case(name="list existing webhooks", given=_webhook_ids, act=list_existing, is_fixed=True),
    case(
        name="record what was missed",
        given=_to_miss(are_new=True),
        act=missed_changes.record_missed,
    ),
    case(name="record what was missed again", given=_to_miss(are_new=False), act=missed_changes.record_missed),
    case(
        name="list missed creations",
        given=_missed_ids,
        act=lambda c, ids: missed_changes.list_created(c, "Invoice", ids),
        covers=("missed_changes.list_created",),
    ),
    case(
        name="begin to miss",
        given=_holding_webhooks,
        act=missed_changes.begin_missing,
    ),
    case(
        name="clear what was missed",
        given=_clearable,
        act=missed_changes.clear_missed,
    ),
    case(
        name="list overtaken",
        given=_retrying(is_overtaken=True),
        act=successions.list_overtaken,
    ),
    case(
        name="lock unclaimed",
        given=_waiting_subjects,
        act=_lock_unclaimed,
        covers=("successions.lock_unclaimed",),
    ),
    case(
        name="store successions",
        given=_successions,
        act=successions.store_successions,
        covers=("transitions.RESTATE",),
    ),
    case(
        name="set blocked events aside",
        given=_blocked,
        act=_set_aside,
        covers=("blocked_events._LOCK", "blocked_events._SET_ASIDE"),
    ),
    case(
        name="release the next events",
        given=_set_aside_before,
        act=blocked_events.release_next,
        covers=("blocked_events._RELEASE_NEXT",),
    ),
    case(
        name="release forgotten events",
        given=_forgotten,
        act=_release_forgotten,
    ),
    case(
        name="add skips",
        given=_skips,
        act=webhook_skips.add_skips,
    ),
    case(
        name="add deliveries",
        given=_ended,
        act=delivery_minutes.add_deliveries,
    ),
)
