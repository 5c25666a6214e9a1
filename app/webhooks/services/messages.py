"""Messages of pulled webhooks (PULL): a receiver takes them under a lease, and acknowledges or rejects each.

A message is one attempt of a webhook event: what a POST is for other webhooks. It is named by the event and the number
of the attempt, so that a late answer to an earlier attempt never settles a later one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import structlog
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import CONFLICTS, DATABASE_ERRORS, connection, retry_if_moved
from app.errors import Conflict
from app.kernel import clock
from app.kernel.problems import Problems
from app.kernel.requests import current_request
from app.telemetry.metrics import ATTEMPTS, count
from app.webhooks.db import deliveries
from app.webhooks.db.counts.delivery_minutes import add_deliveries, tally
from app.webhooks.db.deliveries import DueEvent, Result, Taker
from app.webhooks.db.taking import messages
from app.webhooks.db.taking.messages import TakenEvent
from app.webhooks.db.taking.webhook_takers import note_taker
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.retry import MAX_RETRY_AFTER_S
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.attempts import Outcome, build_result, store_results

_log = structlog.get_logger()

#: Messages of one take, and the seconds of a lease, at most.
MAX_TAKEN: Final = 1000
MAX_LEASE_S: Final = 3600
#: Seconds that a take may wait for a message.
MAX_WAIT_S: Final = 30
#: Characters of a receiver's reason that are kept.
MAX_REASON_CHARS: Final = 1000
#: The status of an acknowledged attempt, as if an endpoint had answered it.
_ACKNOWLEDGED: Final = 200
#: Expired messages that are settled in one transaction.
_EXPIRED_AT_ONCE: Final = 500
#: How often results are stored anew after a conflict with another transaction.
_MAX_CONFLICTS: Final = 10
_NOT_PULLED = "This webhook's events are POSTed to its URL. Messages are taken from webhooks with the delivery PULL."
_LEASE_OVER = "The message was neither acknowledged nor rejected before the end of its lease."


class MessageId(NamedTuple):
    """The name of one handing over of an event."""

    event: WebhookEventId
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The messages that a call has settled, in the order of its ids. The attempts of the others had ended before."""

    settled: Sequence[MessageId]
    expired: Sequence[MessageId]


def check_take(*, first: int, lease_s: int, wait_s: int = 0) -> None:
    """Check the sizes of a take. Raises InvalidInput that names each wrong one."""
    problems = Problems()
    for name, value, least, most in (
        ("first", first, 1, MAX_TAKEN),
        ("lease_seconds", lease_s, 1, MAX_LEASE_S),
        ("wait_seconds", wait_s, 0, MAX_WAIT_S),
    ):
        if not least <= value <= most:
            problems.add(name, f"must be from {least} to {most}")
    problems.check()


async def take(
    database: Database, viewer: Viewer, *, webhook_id: WebhookId, first: int, lease_s: int, max_bytes: int
) -> list[DueEvent]:
    """Hand over messages of a webhook that are due, under a lease, and note who has taken them.

    Leases of the webhook that have expired are settled first, so that nobody waits for the sweep.

    Args:
        first: Number of messages, at most.
        lease_s: Seconds until a message that is not settled is handed out again.
        max_bytes: The payload that reaches this sum is the last one.

    Raises:
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: The webhook's events are POSTed.
    """
    async with connection(database) as conn:
        webhook = await messages.get_pulled_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        _check_pulled(webhook.is_pulled)
        if not webhook.is_noted:
            await note_taker(conn, [webhook_id])
    if webhook.has_expired:
        await settle_expired(database, webhook_id)
    request = current_request()
    async with connection(database) as conn:
        return await deliveries.claim_due(
            conn,
            limit=first,
            per_webhook=first,
            after=0,
            failing_share=MAX_TAKEN,
            lease_s=lease_s,
            max_bytes=max_bytes,
            pulled=webhook_id,
            taker=Taker(
                key_id=viewer.key_id, key_name=viewer.key_name, address=None if request is None else request.address
            ),
        )


async def acknowledge(
    database: Database, viewer: Viewer, *, webhook_id: WebhookId, ids: Sequence[MessageId]
) -> Settlement:
    """Note that messages were received: their events are DELIVERED. Raises NotFound, Conflict as `take`."""
    taken = await _list_taken(database, viewer, webhook_id, ids)
    recorded = await _record(database, [Outcome(one, _ACKNOWLEDGED, duration_ms=one.held_ms) for one in taken.values()])
    return _settlement(ids, taken, recorded)


async def reject(
    database: Database,
    viewer: Viewer,
    *,
    webhook_id: WebhookId,
    ids: Sequence[MessageId],
    reason: str | None,
    retry_after_s: int | None,
) -> Settlement:
    """End attempts with the receiver's reason: their events are tried again, or FAILED without retries left.

    Args:
        reason: The receiver's words; None without any.
        retry_after_s: Seconds until the next attempt, if they are more than the schedule's; None: as scheduled.

    Raises:
        InvalidInput, NotFound, Conflict: An argument is wrong, or as `take`.
    """
    problems = Problems()
    if retry_after_s is not None and not 0 <= retry_after_s <= MAX_RETRY_AFTER_S:
        problems.add("retry_after_seconds", f"must be from 0 to {MAX_RETRY_AFTER_S:.0f}")
    problems.check()
    taken = await _list_taken(database, viewer, webhook_id, ids)
    words = (reason or "").strip()[:MAX_REASON_CHARS] or "The receiver has rejected the message."
    after = None if retry_after_s is None else str(retry_after_s)
    recorded = await _record(
        database,
        [Outcome(one, ErrorKind.REJECTED, words, duration_ms=one.held_ms, retry_after=after) for one in taken.values()],
    )
    return _settlement(ids, taken, recorded)


async def extend(
    database: Database, viewer: Viewer, *, webhook_id: WebhookId, ids: Sequence[MessageId], lease_s: int
) -> Mapping[MessageId, datetime]:
    """Let the leases of messages end `lease_s` from now. Return the new ends of those that are not settled yet.

    Raises:
        InvalidInput, NotFound, Conflict: The lease is too long, or as `take`.
    """
    check_take(first=1, lease_s=lease_s)
    taken = await _list_taken(database, viewer, webhook_id, ids)

    async with connection(database) as conn:
        events, attempts = [one.event for one in taken], [one.attempt for one in taken]
        ends = await retry_if_moved(
            conn, lambda: messages.extend_leases(conn, webhook_id, events, attempts, lease_s=lease_s)
        )
    return {one: ends[one.event] for one in taken if one.event in ends}


async def settle_expired(database: Database, webhook_id: WebhookId | None = None) -> int:
    """End attempts whose lease has expired, of one webhook or (None) of all: LEASE_OVER, a failure of the receiver.

    Returns:
        The number of messages.
    """
    total = 0
    while True:
        async with connection(database) as conn:
            expired = await messages.list_expired(conn, webhook_id, limit=_EXPIRED_AT_ONCE)
        outcomes = [Outcome(one, ErrorKind.LEASE_OVER, _LEASE_OVER, duration_ms=one.held_ms) for one in expired]
        # None is recorded if others settle the same ones.
        recorded = await _record(database, outcomes)
        total += len(recorded)
        if len(expired) < _EXPIRED_AT_ONCE or not recorded:
            return total


async def give_up(database: Database, unsent: Sequence[Outcome]) -> None:
    """End attempts that could not be handed over, by our own fault or because their payload is gone."""
    await _record(database, unsent)


def _check_pulled(is_pulled: bool) -> None:
    if not is_pulled:
        raise Conflict(_NOT_PULLED)


async def _list_taken(
    database: Database, viewer: Viewer, webhook_id: WebhookId, ids: Sequence[MessageId]
) -> dict[MessageId, TakenEvent]:
    async with connection(database) as conn:
        is_pulled, found = await messages.list_taken(
            conn, webhook_id, [one.event for one in ids], seller_id=viewer.seller_id
        )
    _check_pulled(is_pulled)
    taken = {MessageId(one.id, one.attempt): one for one in found}
    return {one: taken[one] for one in ids if one in taken}


async def _record(database: Database, outcomes: Sequence[Outcome]) -> set[WebhookEventId]:
    if not outcomes:
        return set()
    now = clock.now()
    results = [build_result(outcome, now) for outcome in outcomes]
    for left in reversed(range(_MAX_CONFLICTS)):
        try:
            recorded = (await store_results(results, database)).ids
        except CONFLICTS:
            # Somebody else settles some of them, or changes their webhook: look again. After so many it is no accident.
            if not left:
                raise
            continue
        break
    await _count(database, [result for result in results if result.id in recorded])
    return recorded


async def _count(database: Database, ended: Sequence[Result]) -> None:
    """Count attempts for the metrics and the statistics. They are stored already: a failure here changes nothing."""
    count(ATTEMPTS, (result.error_kind or "2xx" for result in ended))
    counted = tally((one.webhook_id, one.state is WebhookEventState.DELIVERED) for one in ended)
    try:
        async with connection(database) as conn:
            await add_deliveries(conn, counted.take())
    except DATABASE_ERRORS as error:
        _log.warning("counts.not_stored", error=repr(error))


def _settlement(
    ids: Sequence[MessageId], taken: Collection[MessageId], recorded: Collection[WebhookEventId]
) -> Settlement:
    asked = list(dict.fromkeys(ids))
    settled = {one for one in asked if one in taken and one.event in recorded}
    return Settlement(
        settled=[one for one in asked if one in settled], expired=[one for one in asked if one not in settled]
    )
