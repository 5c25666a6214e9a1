"""Compile and evaluate webhooks' filters in a process of their own: none can hold this one up or bring it down."""

import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from app.errors import TooSoon
from app.webhooks.cel.process import LENGTH_BYTES
from app.webhooks.domain.webhook_filter import MAX_CHARACTERS, check_filter

_log = structlog.get_logger()

TOO_SLOW = "it took too long, or too much memory"
OVERSPENT = "the filters of its owner have taken too long lately"
#: CPU seconds that any evaluation may take, and for each byte of what it reads: no expression is to blame for them.
USUAL_S, USUAL_S_PER_BYTE = 0.0005, 0.2e-6
#: What one that ends its process has cost at least: its CPU time, and starting the process again.
ENDED_S = 0.5
#: CPU seconds beyond the usual that one expression has in one batch of change events; what is left of the batch goes
#: out unfiltered.
MAX_BATCH_CPU_S = 1.0
#: The same of all filters of one owner together, over all batches, and how many of them it regains in a second: some
#: dozens of bad filters must not hold up what others are to be told.
MAX_OWNER_S, REGAINED_PER_S = 2.0, 1 / 30
#: Seconds that all expressions have in one batch, whose transaction waits: PostgreSQL ends one that idles for 60 s.
MAX_BATCH_S = 20.0
#: How long an expression rests that has ended its process.
REST_S = 60.0
#: Only for a process that gets no CPU: its own limit is in CPU time.
_MAX_WAIT_S = 10.0
#: How a request ends the process by itself, and None, when it took too long: too much CPU time; memory that it can't
#: have; a stack that is full.
_OWN_ENDS = (None, -signal.SIGPROF, -signal.SIGABRT, -signal.SIGSEGV)
_PACKAGES = Path(__file__).resolve().parents[3]

#: The seller; None: the operator.
Owner = int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the result is sent. `error`: why the filter could not decide; it is sent then."""

    passes: bool
    error: str | None = None


class _NoAnswer(Exception):
    """An expression that was not evaluated to its end. `reason`: why, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Budget:
    """Seconds that owners have used up beyond the usual. Nothing is kept of those who have regained theirs."""

    def __init__(self) -> None:
        self._spent: dict[Owner, tuple[float, float]] = {}

    def is_spent(self, owner: Owner, now: float) -> bool:
        return self._owed(owner, now) >= MAX_OWNER_S

    def spend(self, owner: Owner, seconds: float, now: float) -> None:
        """`now`: of the monotonic clock."""
        if seconds > 0:
            self._spent = {other: entry for other, entry in self._spent.items() if self._owed(other, now) > 0}
            self._spent[owner] = (self._owed(owner, now) + seconds, now)

    def _owed(self, owner: Owner, now: float) -> float:
        spent, at = self._spent.get(owner, (0.0, now))
        return max(0.0, spent - (now - at) * REGAINED_PER_S)


class FilterProcess:
    """Starts its process when it is first needed, and again after one has ended; `close` in the same loop."""

    def __init__(self) -> None:
        self._budget = Budget()
        self._process: Process | None = None
        self._lock = asyncio.Lock()
        self._resting: dict[tuple[Owner, str], float] = {}

    def batch(self, *, max_cpu_s: float = MAX_BATCH_CPU_S, max_s: float = MAX_BATCH_S) -> "FilterBatch":
        """Verdicts of one batch. max_cpu_s: what each expression may use up in it; max_s: from now on, all of them."""
        return FilterBatch(self, max_cpu_s=max_cpu_s, ends_at=time.monotonic() + max_s)

    async def evaluate(
        self, text: str, event: Mapping[str, Any], response: bytes, *, owner: Owner
    ) -> tuple[Verdict, float]:
        """Return the verdict (app/webhooks/domain/webhook_filter.py), and its CPU seconds beyond the usual.

        response  the rendered GraphQL response, as JSON.
        owner     of the filter, whose others it may use up the time of.
        """
        request = orjson.dumps({"filter": text, "event": event, "response": orjson.Fragment(response)})
        try:
            answer, spent = await self._answer(request, text, owner, USUAL_S + USUAL_S_PER_BYTE * len(response))
        except _NoAnswer as refused:
            return Verdict(passes=True, error=refused.reason), 0.0
        error = answer["error"]
        return Verdict(passes=error is not None or answer["value"], error=error), spent

    async def check(self, text: str, *, owner: Owner) -> list[str]:
        """Return what is wrong with an expression, as `check_filter` has it; empty when it can be used.

        It is compiled in the process: that takes up to 0.05 s, which the owner's time pays for.
        Raises: TooSoon when the owner has none left.
        """
        if len(text) > MAX_CHARACTERS:
            return check_filter(text)  # refused by its length alone
        try:
            answer, _ = await self._answer(orjson.dumps({"check": text}), text, owner, USUAL_S)
        except _NoAnswer as refused:
            if refused.reason == OVERSPENT:
                raise TooSoon(
                    f"The filter can't be checked at the moment: {OVERSPENT}. Try again in a minute."
                ) from None
            return [refused.reason]
        return list(answer["value"]) if answer["error"] is None else [answer["error"]]

    async def _answer(self, request: bytes, text: str, owner: Owner, usual_s: float) -> tuple[dict[str, Any], float]:
        """What the process answers, and its CPU seconds beyond the usual. Raises _NoAnswer."""
        if self._resting.get((owner, text), 0.0) > time.monotonic():
            raise _NoAnswer(TOO_SLOW)
        async with self._lock:
            if self._budget.is_spent(owner, time.monotonic()):
                raise _NoAnswer(OVERSPENT)
            began = time.monotonic()
            line = await self._line(request)
            if not line:
                raise self._rest(text, owner, began)
        answer: dict[str, Any] = orjson.loads(line)
        spent = max(0.0, answer["cpu_s"] - usual_s)
        self._budget.spend(owner, spent, time.monotonic())
        return answer, spent

    async def _line(self, request: bytes) -> bytes:
        """One answer; empty when the process has ended over the request.

        A process that was killed from outside, as the kernel does when memory is short, says nothing of the request:
        it is asked once more in a new process.
        """
        line, status = await self._tried(request)
        if not line and status not in _OWN_ENDS:
            _log.warning("filter.process_killed", status=status)
            line, _ = await self._tried(request)
        return line

    async def _tried(self, request: bytes) -> tuple[bytes, int | None]:
        """One answer; or an empty one, and the status with which the process has ended, None when it took too long."""
        try:
            line = await asyncio.wait_for(self._ask(request), _MAX_WAIT_S)
        except TimeoutError:
            await self._end(kill=True)
            return b"", None
        except ConnectionError:
            line = b""
        except BaseException:
            # An answer that comes later would be taken for the next one's.
            await self._end(kill=True)
            raise
        return line, None if line else await self._end(kill=False)

    async def close(self) -> None:
        """End the process; it is started again when needed."""
        async with self._lock:
            await self._end(kill=False)

    async def _ask(self, request: bytes) -> bytes:
        """One answer; empty when the process has ended over it."""
        process = await self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(len(request).to_bytes(LENGTH_BYTES) + request)
        await process.stdin.drain()
        return await process.stdout.readline()

    async def _running(self) -> Process:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "app.webhooks.cel.process"),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                # Nothing of ours: the environment holds the secret key.
                env={"PYTHONPATH": str(_PACKAGES)},
                start_new_session=True,
            )
        return self._process

    async def _end(self, *, kill: bool) -> int | None:
        """End the process; its status, negative for a signal's number."""
        process, self._process = self._process, None
        if process is None:
            return None
        assert process.stdin is not None
        process.stdin.close()
        if kill:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        return await process.wait()

    def _rest(self, text: str, owner: Owner, began: float) -> "_NoAnswer":
        """Have an expression rest that has ended its process; the error that says so."""
        _log.warning("filter.ended_its_process", filter=text, seller_id=owner, rests_s=REST_S)
        now = time.monotonic()
        # By the clock: on a busy machine others wait for longer than its CPU time.
        self._budget.spend(owner, max(ENDED_S, now - began), now)
        self._resting = {other: until for other, until in self._resting.items() if until > now}
        self._resting[owner, text] = now + REST_S
        return _NoAnswer(TOO_SLOW)


class FilterBatch:
    """Verdicts of one batch, in which each expression has only so much time. `ends_at`: of the monotonic clock."""

    def __init__(self, process: FilterProcess, *, max_cpu_s: float, ends_at: float) -> None:
        self._process = process
        self._max_cpu_s = max_cpu_s
        self._ends_at = ends_at
        self._spent: dict[tuple[Owner, str], float] = {}

    async def evaluate(self, text: str, event: Mapping[str, Any], response: bytes, *, owner: Owner) -> Verdict:
        """As FilterProcess.evaluate. What has used up its time, or the batch's, passes with an error."""
        spent = self._spent.get((owner, text), 0.0)
        if spent >= self._max_cpu_s or time.monotonic() >= self._ends_at:
            return Verdict(passes=True, error=TOO_SLOW)
        verdict, spent_s = await self._process.evaluate(text, event, response, owner=owner)
        self._spent[owner, text] = spent + spent_s
        return verdict
