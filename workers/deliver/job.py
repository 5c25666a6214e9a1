"""Job `deliver`: claim → commit → POST → record. No transaction is open during a POST."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime

import structlog

from app.db.pool import DATABASE_ERRORS, connection, transaction
from app.kernel import clock
from app.kernel.cancellation import cancel_tasks
from app.telemetry.metrics import POSTS_IN_FLIGHT
from app.webhooks.db import deliveries
from app.webhooks.db.deliveries import DueEvent, Result
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.services.attempts import Outcome, build_result, list_retried
from app.webhooks.services.succession import LOOK_AGAIN_S, supersede_failed
from workers.deliver.fairness import FairTurns
from workers.deliver.handover import Handover, Places
from workers.deliver.lease import Lease, LeaseOver, elapsed_s
from workers.deliver.outcome import build_failure, build_outcome
from workers.deliver.record import count_attempts, record
from workers.deliver.request import PreparedRequest, prepare
from workers.http import transport
from workers.resources import Resources
from workers.shifts import Shift

_log = structlog.get_logger()

#: Seconds for which the results of some POSTs wait for those of others in flight, to be stored by one statement.
_GATHER_S = 0.003
#: Seconds for storing the results of POSTs that were aborted at the end of the process.
_LAST_RECORD_S = 5.0


class Deliverer:
    """Delivers for one process. Only one of its jobs claims at a time.

    Claims, POSTs and the storing of results belong to the process, not to the job. A job may fail with PostgreSQL, or
    be cancelled because Redis is gone; no result of a sent POST may be lost by that.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._places = Places(resources.settings.deliver_max_in_flight)
        self._finished: list[asyncio.Task[Outcome | None]] = []
        self._has_finished = asyncio.Event()
        self._retried: list[WebhookEventId] = []
        self._has_retried = asyncio.Event()
        self._claims: set[asyncio.Task[bool]] = set()
        self._claim_count = 0
        self._shift = Shift(resources.stopping)
        self._turns = FairTurns()

    @contextlib.asynccontextmanager
    async def recording(self) -> AsyncIterator["Deliverer"]:
        """Store results for as long as the process lives. At the end, wait for the POSTs in flight.

        Jobs must have ended by then, or must at least see that the process stops.
        """
        POSTS_IN_FLIGHT.set_function(lambda: self.in_flight)
        recording = asyncio.create_task(self._record_finished())
        looking = asyncio.create_task(self._look_again())
        try:
            yield self
        finally:
            await self._finish(self._resources.settings.shutdown_grace_s)
            await cancel_tasks(recording, looking)

    @property
    def in_flight(self) -> int:
        """The number of POSTs that have begun and whose results are not stored yet."""
        return len(self._places.sending)

    def wake(self) -> bool:
        """Have the claiming job look again. Return whether there is one."""
        return self._shift.wake()

    async def deliver_all(self, *, stays: bool = False) -> bool:
        """Deliver until nothing is due or the shift ends. Return whether more may be due.

        If another job of this process is claiming already, that job is told to look again instead. POSTs in flight go
        on after the shift: waiting here for the slowest one would delay all others.

        Args:
            stays: Whether to stay for the whole shift.
        """
        return await self._shift.work(self._claim_unbroken, is_busy=lambda: bool(self._places.sending), stays=stays)

    async def _claim_unbroken(self) -> bool:
        """Finish a claim even if the job is cancelled: events claimed and not sent would wait for a whole lease."""
        claim = asyncio.create_task(self._claim())
        self._claims.add(claim)
        claim.add_done_callback(self._claim_done)
        return await asyncio.shield(claim)

    def _claim_done(self, claim: asyncio.Task[bool]) -> None:
        self._claims.discard(claim)
        # The job raises the same error, unless it was cancelled.
        if not claim.cancelled() and (error := claim.exception()):
            _log.warning("delivery.claim_failed", error=repr(error))

    async def _claim(self) -> bool:
        """Claim as many events as there are places for, and start sending. Return whether there may be more."""
        settings = self._resources.settings
        budget = self._places.find_budget()
        if budget is None:
            return False
        # One statement, which commits by itself: a transaction around it would cost two more round trips.
        async with connection(self._resources.database) as conn:
            asked_at = elapsed_s()
            self._claim_count += 1
            claimed = await deliveries.claim_due(
                conn,
                limit=budget.limit,
                per_webhook=self._turns.per_webhook(budget),
                after=self._turns.after,
                failing_share=budget.failing_share,
                lease_s=settings.deliver_lease_s,
                max_bytes=budget.max_bytes,
                only_idle=budget.only_idle,
            )
        self._send_all(claimed, asked_at)
        if claimed:
            self._places.mean_bytes = sum(due.size for due in claimed) // len(claimed) + 1
        return self._turns.note_claim(budget, claimed)

    @contextlib.contextmanager
    def handing_over(self) -> Iterator[Handover | None]:
        """Let a publishing step claim events as it makes them. None while the process stops."""
        if self._resources.stopping.is_set():
            yield None
            return
        lease_s = self._resources.settings.deliver_lease_s
        handover = Handover(places=self._places, turns=self._turns, lease_s=lease_s, send_all=self._send_all)
        try:
            yield handover
        finally:
            handover.close()

    def _send_all(self, claimed: Sequence[DueEvent], asked_at: float) -> None:
        """Begin to send claimed events. The claim, which was sent at `asked_at`, has been committed."""
        # All requests are prepared before the first is sent: done in turns, each step would find the processor's caches
        # full of other code and take about twice as long.
        now = clock.now()
        for due, prepared in [(due, self._prepared(due, now)) for due in claimed]:
            lease_s = self._resources.settings.deliver_lease_s
            self._start(due, prepared, Lease.granted(asked_at, lease_s=lease_s, timeout_s=due.timeout_s))

    def _start(self, due: DueEvent, prepared: PreparedRequest | Outcome, lease: Lease) -> None:
        sending = asyncio.create_task(self._send(due, prepared, lease))
        self._places.sending[sending] = due.size
        sending.add_done_callback(self._sent)

    def _sent(self, sending: asyncio.Task[Outcome | None]) -> None:
        self._finished.append(sending)
        self._has_finished.set()

    async def _record_finished(self) -> None:
        """Store results as soon as a POST has finished. Those that finish meanwhile are stored together next."""
        while True:
            await self._has_finished.wait()
            if len(self._finished) < len(self._places.sending):
                await asyncio.sleep(_GATHER_S)
            self._has_finished.clear()
            finished, self._finished = self._finished, []
            now = clock.now()
            results = [result for task in finished if (result := _result_of(task, now))]
            count_attempts(results, self._resources.deliveries)
            claims = self._claim_count
            may_be_due = await record(results, self._resources.database)
            for task in finished:
                del self._places.sending[task]
            if waiting := [one.id for one in list_retried(results) if (one.delay_s or 0) > LOOK_AGAIN_S]:
                self._retried += waiting
                self._has_retried.set()
            # A place is free, and the next event of the same entity may be sent. A claim that came before the results
            # were stored may have left it.
            if may_be_due or self._claim_count != claims:
                self.wake()
            else:
                self._shift.stir()

    async def _look_again(self) -> None:
        """Look a second time for newer states of failed events, once their publishers have committed."""
        while True:
            await self._has_retried.wait()
            self._has_retried.clear()
            failed, self._retried = self._retried, []
            await asyncio.sleep(LOOK_AGAIN_S)
            try:
                async with transaction(self._resources.database) as conn:
                    superseded = await supersede_failed(conn, failed)
            except DATABASE_ERRORS as error:
                # The sweep looks for the same events later.
                _log.warning("delivery.look_failed", error=repr(error))
                continue
            if superseded:
                self.wake()

    async def _finish(self, grace_s: float) -> None:
        """Wait until nothing is in flight and all results are stored. Abort POSTs that take too long."""
        try:
            await asyncio.wait_for(self._drain(), grace_s)
        except TimeoutError:
            _log.warning("worker.stopped_in_flight", posts=len(self._places.sending), waited_s=grace_s)
            for task in self._places.sending:
                task.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._drain(), _LAST_RECORD_S)

    async def _drain(self) -> None:
        if self._claims:
            await asyncio.wait(self._claims)
        while self._places.sending:
            await self._shift.until_stirred()

    def _prepared(self, due: DueEvent, now: datetime) -> PreparedRequest | Outcome:
        try:
            return prepare(due, self._resources.settings, now=now)
        except Exception as error:
            return build_failure(due, error)

    async def _send(self, due: DueEvent, prepared: PreparedRequest | Outcome, lease: Lease) -> Outcome | None:
        """POST one claimed event. Return None, without having sent anything, if its lease would not last."""
        if isinstance(prepared, Outcome):
            return prepared
        started = time.monotonic()
        try:
            answer = await transport.post(
                self._resources.transport,
                url=prepared.url,
                headers=prepared.headers,
                body=prepared.body,
                route=prepared.route,
                timeout_s=due.timeout_s,
                lease=lease,
            )
        except LeaseOver:
            _log.warning("delivery.lease_over", webhook_event_id=due.id, webhook_id=due.webhook_id, attempt=due.attempt)
            return None
        # Only `_finish` cancels; the cancellation is recorded as the attempt's outcome.
        except (Exception, asyncio.CancelledError) as error:
            return build_failure(due, error, (time.monotonic() - started) * 1000)
        return build_outcome(due, answer)


def _result_of(task: asyncio.Task[Outcome | None], now: datetime) -> Result | None:
    """Return the result of a POST, or None if our own error ended it or it never began: its lease will expire."""
    if task.cancelled():
        return None
    try:
        outcome = task.result()
        return None if outcome is None else build_result(outcome, now)
    except Exception as error:
        _log.exception("delivery.internal_error", error=repr(error))
        return None
