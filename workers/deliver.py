"""Job `deliver`: claim → commit → POST → record. No transaction is open during a POST."""

import asyncio
import contextlib
import random
import secrets
import time
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import httpx
import orjson
import structlog

from app import __version__, clock
from app.db import deliveries, webhook_events
from app.db.deliveries import DueEvent, Result
from app.db.pool import transaction
from app.domain.attempt import ErrorKind
from app.domain.signing_secret import secret_key
from app.errors import AttemptError, DatabaseUnavailable, PreSendError, RecordError, TellgraphError
from app.secrets import secret_box
from app.services.webhooks import HEADERS, SECRETS
from schema import global_ids
from workers import retry, signing, transport
from workers.resources import Resources
from workers.transport import Answer

_log = structlog.get_logger()

USER_AGENT = f"Tellgraph/{__version__}"
#: Claimed at once: bounds the payload bytes that one claim brings into memory.
CLAIM_SIZE = 200
#: Places of a webhook whose last attempts all failed, so that two dead endpoints can't hold a whole worker.
FAILING_SHARE = 10
#: How long a claiming job goes on before it hands over, so that a busy worker's jobs end.
SHIFT_S = 30.0
_RECORD_TRIES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A claimed event as it goes out: all that can fail before the POST has been done."""

    due: DueEvent
    url: httpx.URL
    headers: list[tuple[str, str]]
    body: bytes


class Deliverer:
    """Delivers for one process. Places are shared by its jobs; at any time one of them claims."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._sending: set[asyncio.Task[Result]] = set()
        self._again = asyncio.Event()
        self._is_claiming = False
        self._after = 0

    def wake(self) -> bool:
        """Have the claiming job look again, if there is one."""
        self._again.set()
        return self._is_claiming

    async def deliver_all(self) -> bool:
        """Deliver what is due, until nothing is or the shift ends. Returns whether more may be due.

        While another job of this process does that already, it is told to look again.
        """
        if self.wake():
            return False
        self._is_claiming = True
        try:
            return await self._claim_and_send(ends_at=time.monotonic() + SHIFT_S)
        finally:
            self._is_claiming = False

    async def drain(self) -> None:
        """Wait until nothing is in flight and all results are stored."""
        while self._sending:
            await self._record_finished()

    async def _claim_and_send(self, ends_at: float) -> bool:
        while time.monotonic() < ends_at and not self._resources.stopping.is_set():
            if self._again.is_set():
                self._again.clear()
                if await self._claim():
                    self._again.set()
            elif self._sending:
                await self._record_finished(wake=self._again)
            else:
                return False
        await self.drain()
        return True

    async def _claim(self) -> bool:
        """Claim what there are places for and start sending it. Returns whether there may be more."""
        settings = self._resources.settings
        limit = min(CLAIM_SIZE, settings.deliver_max_in_flight - len(self._sending))
        if limit <= 0:
            return False
        async with transaction(self._resources.database) as conn:
            claimed = await deliveries.claim_due(
                conn,
                limit=limit,
                per_webhook=CLAIM_SIZE,
                after=self._after,
                failing_share=FAILING_SHARE,
                lease_s=settings.deliver_lease_s,
            )
        # Sent only now: the claim and the attempts are committed.
        for due in claimed:
            self._sending.add(asyncio.create_task(self._send(due)))
        was_partial = self._after != 0 and len(claimed) < limit
        self._after = max(due.webhook_id for due in claimed) if len(claimed) == limit else 0
        return bool(claimed) or was_partial

    async def _record_finished(self, wake: asyncio.Event | None = None) -> None:
        """Store what has finished, as soon as anything has; or return when `wake` is set."""
        waiting: set[asyncio.Task[object]] = set(self._sending)
        waker = asyncio.create_task(wake.wait()) if wake is not None else None
        if waker is not None:
            waiting.add(waker)
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if waker is not None:
            waker.cancel()
        finished = {task for task in self._sending if task.done()}
        if finished:
            await record([task.result() for task in finished], self._resources)
            self._sending -= finished
            # A place is free, and an entity's next event may go.
            self._again.set()

    async def _send(self, due: DueEvent) -> Result:
        started = time.monotonic()
        try:
            prepared = _prepare(due, self._resources, now=clock.now())
            answer = await transport.post(
                self._resources.transport,
                url=prepared.url,
                headers=prepared.headers,
                body=prepared.body,
                timeout_s=due.timeout_s,
            )
        except AttemptError as error:
            return _result(due, ErrorKind(error.kind), None, error.message, started)
        except PreSendError as error:
            return _result(due, ErrorKind.INTERNAL, None, str(error), started)
        except Exception as error:
            _log.exception("delivery.internal_error", webhook_event_id=due.id)
            return _result(due, ErrorKind.INTERNAL, None, type(error).__name__, started)
        return _result(due, answer.status, answer, answer.note, started)


def _prepare(due: DueEvent, resources: Resources, *, now: datetime) -> Prepared:
    """Decrypt, build and sign. Raises PreSendError."""
    box = secret_box(resources.settings.secret_key)
    try:
        own = box.open(due.headers, purpose=HEADERS) if due.headers else {}
        keys = [secret_key(secret) for secret in box.open(due.secrets, purpose=SECRETS)]
    except TellgraphError as error:
        raise PreSendError(error.message) from error
    event_id = global_ids.encode("WebhookEvent", due.id)
    body = envelope(due, event_id)
    headers = signing.delivery_headers(
        event_id=event_id,
        timestamp=int(now.timestamp()),
        body=body,
        keys=keys,
        user_agent=USER_AGENT,
        sequence=due.id,
        attempt=due.attempt,
        traceparent=f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01",
        own=list(own.items()),
    )
    return Prepared(due=due, url=httpx.URL(due.url), headers=headers, body=body)


def envelope(due: DueEvent, event_id: str) -> bytes:
    """The body: the same bytes at every attempt of an event."""
    return orjson.dumps(
        {
            "id": event_id,
            "event_name": due.event_name,
            "type": f"{due.type.lower()}.{due.event_name}",
            "timestamp": due.changed_at,
            "sequence": due.id,
            "entity": {"type": due.entity_type, "id": global_ids.encode(due.entity_type, due.entity_id)},
            "changed": due.changed,
            "payload": orjson.Fragment(due.body),
        },
        option=orjson.OPT_UTC_Z,
    )


def _result(
    due: DueEvent, outcome: int | ErrorKind, answer: Answer | None, error: str | None, started: float
) -> Result:
    now = clock.now()
    decision = retry.decide(
        attempt_number=due.attempt,
        outcome=outcome,
        retry_after=answer.retry_after if answer else None,
        now=now,
        first_attempted_at=due.first_attempted_at,
        max_retries=due.max_retries,
        chance=random.random(),
    )
    kind = outcome if isinstance(outcome, ErrorKind) else None
    status = None if kind else int(outcome)
    result = Result(
        id=due.id,
        webhook_id=due.webhook_id,
        attempt=due.attempt,
        state=decision.state,
        reason=decision.disable_reason,
        status=status,
        error_kind=kind,
        error=error,
        response_body=answer.body if answer else None,
        duration_ms=round((time.monotonic() - started) * 1000),
        delay_s=decision.delay_s,
        disable_reason=decision.disable_reason,
    )
    _log.info(
        "delivery.attempted",
        webhook_event_id=due.id,
        webhook_id=due.webhook_id,
        entity=f"{due.entity_type}-{due.entity_id}",
        attempt=due.attempt,
        status=status,
        error_kind=kind,
        state=decision.state,
        duration_ms=result.duration_ms,
        retry_in_s=decision.delay_s,
    )
    return result


async def record(results: list[Result], resources: Resources) -> None:
    """Store results; while PostgreSQL is away, again and again: they are sent, and must not be sent twice.

    Raises: RecordError when it stays away for longer than a lease; the sweeper then makes the events due again.
    """
    for number in range(_RECORD_TRIES):
        try:
            async with transaction(resources.database) as conn:
                await deliveries.record_results(conn, results)
                for result in results:
                    if result.disable_reason:
                        await deliveries.disable_webhook(conn, result.webhook_id, result.disable_reason)
                        await webhook_events.hold_open(conn, result.webhook_id)
        except (DatabaseUnavailable, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            _log.warning("delivery.record_failed", results=len(results), try_number=number + 1, error=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(resources.stopping.wait(), min(0.1 * 2**number, 5))
        else:
            return
    raise RecordError(f"{len(results)} results could not be stored")
