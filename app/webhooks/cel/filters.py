"""Run webhooks' filters in a separate process, so that no filter can block or end this one.

Each owner has two seconds of filter time, which refills within a minute. While it is used up, that owner's filters pass
every event.
"""

import asyncio
import contextlib
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from app.errors import TooSoon
from app.kernel.parsed_json import JsonObject, ParsedJson
from app.webhooks.cel.process import LENGTH_BYTES
from app.webhooks.domain.webhook_filter import MAX_CHARACTERS, check_filter

_log = structlog.get_logger()

TOO_SLOW = "it took too long, or too much memory"
OVERSPENT = "the filters of its owner have taken too long lately"
#: CPU seconds that count as usual: for each evaluation, and for each byte that it reads.
USUAL_S, USUAL_S_PER_BYTE = 0.0005, 0.2e-6
#: Seconds charged at least for an expression that ends its process: its CPU time, and the new start.
ENDED_S = 0.5
#: CPU seconds beyond the usual that one expression has in one batch of change events. The rest of the batch is sent
#: unfiltered.
MAX_BATCH_CPU_S = 1.0
#: The same for all filters of one owner together, over all batches; and the seconds that it regains per second. Some
#: dozens of bad filters must not delay other owners' events.
MAX_OWNER_S, REGAINED_PER_S = 2.0, 1 / 30
#: Seconds of all expressions in one batch. Its transaction waits for them; what is left is for the next one.
MAX_BATCH_S = 1.0
#: Seconds for which an expression is blocked that has ended its process.
REST_S = 60.0
#: Seconds, for a process that gets no CPU. Its own limit is in CPU time.
_MAX_WAIT_S = 10.0
#: Exit statuses that a request itself causes: None for a timeout; too much CPU time; no memory; a full stack.
_OWN_ENDS = (None, -signal.SIGPROF, -signal.SIGABRT, -signal.SIGSEGV)
_PACKAGES = Path(__file__).resolve().parents[3]

#: A filter's owner: a seller's id; None: the operator.
Owner = int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterResult:
    """The result of a filter. `passes` is True with an `error`, the reason why the filter could not decide."""

    passes: bool
    error: str | None = None


class _NoAnswer(Exception):
    """An expression was not evaluated to its end. `reason` says why, in a few words."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FilterTime:
    """The filter time that owners have used up, in seconds. An owner whose time has refilled has no entry."""

    def __init__(self) -> None:
        self._spent: dict[Owner, tuple[float, float]] = {}

    def is_spent(self, owner: Owner, now: float) -> bool:
        return self._owed(owner, now) >= MAX_OWNER_S

    def spend(self, owner: Owner, seconds: float, now: float) -> None:
        """Use up an owner's filter time. `now` is a time of the monotonic clock."""
        if seconds > 0:
            self._spent = {other: entry for other, entry in self._spent.items() if self._owed(other, now) > 0}
            self._spent[owner] = (self._owed(owner, now) + seconds, now)

    def _owed(self, owner: Owner, now: float) -> float:
        spent, at = self._spent.get(owner, (0.0, now))
        return max(0.0, spent - (now - at) * REGAINED_PER_S)


class FilterProcess:
    """Starts its process when it is first needed, and again after that has ended. Close it in the same event loop."""

    def __init__(self) -> None:
        self._filter_time = FilterTime()
        self._process: Process | None = None
        self._lock = asyncio.Lock()
        self._resting: dict[tuple[Owner, str], float] = {}

    def batch(self, *, max_cpu_s: float = MAX_BATCH_CPU_S, max_s: float = MAX_BATCH_S) -> "FilterBatch":
        """Open a batch. `max_cpu_s` limits each expression, `max_s` the wall time of all evaluations together."""
        return FilterBatch(self, max_cpu_s=max_cpu_s, max_s=max_s)

    async def evaluate(
        self, text: str, event: Mapping[str, ParsedJson], response: bytes, *, owner: Owner
    ) -> tuple[FilterResult, float]:
        """Return a filter's result, and its CPU seconds beyond the usual.

        Args:
            text: The expression; see app/webhooks/domain/webhook_filter.py.
            event: The `event` that the expression reads.
            response: The rendered GraphQL response, as JSON.
            owner: The filter's owner, whose filter time it uses up.
        """
        request = orjson.dumps({"filter": text, "event": event, "response": orjson.Fragment(response)})
        try:
            answer, spent = await self._answer(request, text, owner, USUAL_S + USUAL_S_PER_BYTE * len(response))
        except _NoAnswer as refused:
            return FilterResult(passes=True, error=refused.reason), 0.0
        error = answer["error"]
        return FilterResult(passes=error is not None or answer["value"], error=error), spent

    async def check(self, text: str, *, owner: Owner) -> list[str]:
        """Return the problems of an expression, as `check_filter` does; empty when it can be used.

        The process compiles it, which takes up to 0.05 s of the owner's filter time.

        Raises:
            TooSoon: The owner has no filter time left.
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

    async def _answer(self, request: bytes, text: str, owner: Owner, usual_s: float) -> tuple[JsonObject, float]:
        """Return the process's answer, and its CPU seconds beyond the usual. Raise _NoAnswer if it has none."""
        if self._resting.get((owner, text), 0.0) > time.monotonic():
            raise _NoAnswer(TOO_SLOW)
        async with self._lock:
            if self._filter_time.is_spent(owner, time.monotonic()):
                raise _NoAnswer(OVERSPENT)
            began = time.monotonic()
            line = await self._line(request)
            if not line:
                raise self._rest(text, owner, began)
        answer: JsonObject = orjson.loads(line)
        spent = max(0.0, answer["cpu_s"] - usual_s)
        self._filter_time.spend(owner, spent, time.monotonic())
        return answer, spent

    async def _line(self, request: bytes) -> bytes:
        """Return one answer; empty when the request has ended the process.

        If the process was killed from outside, as the kernel does when memory is short, the request is not to blame. It
        is then sent once more to a new process.
        """
        line, status = await self._tried(request)
        if not line and status not in _OWN_ENDS:
            _log.warning("filter.process_killed", status=status)
            line, _ = await self._tried(request)
        return line

    async def _tried(self, request: bytes) -> tuple[bytes, int | None]:
        """Return one answer, or an empty one with the exit status of the process; None when it took too long."""
        try:
            line = await asyncio.wait_for(self._ask(request), _MAX_WAIT_S)
        except TimeoutError:
            await self._end(kill=True)
            return b"", None
        except ConnectionError:
            line = b""
        except BaseException:
            # A late answer would be taken for the answer to the next request.
            await self._end(kill=True)
            raise
        return line, None if line else await self._end(kill=False)

    async def close(self) -> None:
        """End the process; it is started again when needed."""
        async with self._lock:
            await self._end(kill=False)

    async def _ask(self, request: bytes) -> bytes:
        """Return one answer; empty when the request has ended the process."""
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
                # The process gets nothing of our environment, which holds the secret key.
                env={"PYTHONPATH": str(_PACKAGES)},
                start_new_session=True,
            )
        return self._process

    async def _end(self, *, kill: bool) -> int | None:
        """End the process. Return its exit status, which is a negative signal number if it was killed."""
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
        """Block an expression that has ended its process for REST_S seconds. Return the error to raise."""
        _log.warning("filter.ended_its_process", filter=text, seller_id=owner, rests_s=REST_S)
        now = time.monotonic()
        # This charges wall time: on a busy machine others wait for longer than its CPU time.
        self._filter_time.spend(owner, max(ENDED_S, now - began), now)
        self._resting = {other: until for other, until in self._resting.items() if until > now}
        self._resting[owner, text] = now + REST_S
        return _NoAnswer(TOO_SLOW)


class FilterBatch:
    """Filters of one batch, with a time limit for each expression and one for the batch."""

    def __init__(self, process: FilterProcess, *, max_cpu_s: float, max_s: float) -> None:
        self._process = process
        self._max_cpu_s = max_cpu_s
        self._left_s = max_s
        self._spent: dict[tuple[Owner, str], float] = {}

    @property
    def is_spent(self) -> bool:
        """Tell whether the batch has used up its time. Further evaluations are for another batch."""
        return self._left_s <= 0

    async def evaluate(
        self, text: str, event: Mapping[str, ParsedJson], response: bytes, *, owner: Owner
    ) -> FilterResult:
        """Return a filter's result. An expression that has used up its time passes with an error."""
        spent = self._spent.get((owner, text), 0.0)
        if spent >= self._max_cpu_s:
            return FilterResult(passes=True, error=TOO_SLOW)
        began = time.monotonic()
        verdict, spent_s = await self._process.evaluate(text, event, response, owner=owner)
        self._left_s -= time.monotonic() - began
        self._spent[owner, text] = spent + spent_s
        return verdict
