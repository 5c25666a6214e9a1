"""Filters run in a process of their own: none of them can hold up or bring down the one that asks."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from app.errors import TooSoon
from app.webhooks.cel.filters import (
    MAX_OWNER_S,
    OVERSPENT,
    REGAINED_PER_S,
    TOO_SLOW,
    USUAL_S,
    USUAL_S_PER_BYTE,
    FilterBatch,
    FilterProcess,
    FilterResult,
    FilterTime,
)
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_filter import check_filter, event_of

EVENT = event_of(WebhookKlass.INVOICE, WebhookEventName.UPDATE, "x", {"added": [], "updated": [], "removed": []})
RESPONSE = orjson.dumps({"data": {"node": {"total": 5, "lines": [{"quantity": n} for n in range(300)]}}})
PASSES, FAILS = "data.node.total == 5", "data.node.total == 6"
#: Looks at 27 million triples.
ENDLESS = "data.node.lines.all(a, data.node.lines.all(b, data.node.lines.all(c, true)))"
#: Doubles a list again and again.
HUGE = "[data.node.lines]" + ".map(x, [x + x + x + x + x + x][0])" * 30 + " == []"


@pytest.fixture
async def process() -> AsyncIterator[FilterProcess]:
    process = FilterProcess()
    yield process
    await process.close()


async def verdicts(batch: FilterBatch, *texts: str, owner: int | None = None) -> list[FilterResult]:
    return [await batch.evaluate(text, EVENT, RESPONSE, owner=owner) for text in texts]


async def test_decides(process: FilterProcess) -> None:
    made = await verdicts(process.batch(), PASSES, FAILS, "data.node.total", "data.nope == 1")

    assert made == [
        FilterResult(passes=True),
        FilterResult(passes=False),
        FilterResult(passes=True, error="its value is no boolean but int"),
        FilterResult(passes=True, error="there is no 'nope'; has(…) tells whether there is"),
    ]


@pytest.mark.parametrize("text", [ENDLESS, HUGE])
async def test_what_takes_too_much_passes_and_the_next_one_is_decided(process: FilterProcess, text: str) -> None:
    made = await verdicts(process.batch(), text, owner=1)
    after = await verdicts(process.batch(), FAILS, owner=2)

    assert (made, after) == ([FilterResult(passes=True, error=TOO_SLOW)], [FilterResult(passes=False)])


async def test_what_took_too_much_is_not_tried_again_at_once(process: FilterProcess) -> None:
    await verdicts(process.batch(), ENDLESS, owner=1)
    await verdicts(process.batch(), FAILS, owner=2)
    running = process._process

    (again,) = await verdicts(process.batch(), ENDLESS, owner=1)

    assert again == FilterResult(passes=True, error=TOO_SLOW)
    # It was not run: that would have ended the process.
    assert process._process is running
    assert running is not None
    assert running.returncode is None


async def test_a_batch_gives_each_expression_only_so_much_time(process: FilterProcess) -> None:
    slow = "data.node.lines.all(a, a.quantity > 150 || data.node.lines.all(b, true)) && false"
    batch = process.batch(max_cpu_s=0.02)
    made = await verdicts(batch, *[slow] * 20)

    (other,) = await verdicts(batch, FAILS)
    (anew,) = await verdicts(process.batch(), FAILS)

    assert (made[0], made[-1]) == (FilterResult(passes=False), FilterResult(passes=True, error=TOO_SLOW))
    assert other == anew == FilterResult(passes=False)


async def test_a_batch_tells_when_its_time_is_used_up(process: FilterProcess) -> None:
    batch = process.batch(max_s=1e-9)
    before = batch.is_spent

    made = await verdicts(batch, FAILS)

    assert (before, made, batch.is_spent) == (False, [FilterResult(passes=False)], True)


async def test_what_was_killed_from_outside_is_run_once_more(process: FilterProcess) -> None:
    await verdicts(process.batch(), PASSES)

    made = []
    for text in (FAILS, PASSES):
        assert process._process is not None
        process._process.kill()
        made += await verdicts(process.batch(), text, FAILS)

    assert made == [FilterResult(passes=False)] * 2 + [FilterResult(passes=True), FilterResult(passes=False)]
    # Nobody is blamed.
    assert process._resting == {}


async def test_what_is_killed_each_time_is_to_blame(process: FilterProcess) -> None:
    killed = set()

    async def kill_all() -> None:
        while True:
            if process._process is not None and process._process.returncode is None:
                killed.add(process._process.pid)
                process._process.kill()
            await asyncio.sleep(0)

    killing = asyncio.create_task(kill_all())
    (made,) = await verdicts(process.batch(), FAILS, owner=1)
    killing.cancel()

    assert (made, len(killed)) == (FilterResult(passes=True, error=TOO_SLOW), 2)
    assert await verdicts(process.batch(), FAILS, owner=1) == [made]
    assert await verdicts(process.batch(), FAILS, owner=2) == [FilterResult(passes=False)]


async def test_what_ends_its_process_by_itself_is_not_run_again(process: FilterProcess) -> None:
    started = set()

    async def watch() -> None:
        while True:
            if process._process is not None:
                started.add(process._process.pid)
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    made = [await verdicts(process.batch(), text, owner=owner) for owner, text in enumerate((ENDLESS, HUGE))]
    watching.cancel()

    assert (made, len(started)) == ([[FilterResult(passes=True, error=TOO_SLOW)]] * 2, 2)


async def test_check_says_what_is_wrong(process: FilterProcess) -> None:
    texts = (PASSES, "nope", "data.node.total >", "x" * 2_001)

    assert [await process.check(text, owner=1) for text in texts] == [check_filter(text) for text in texts]
    assert check_filter(texts[0]) == []


async def test_checking_holds_up_nothing_else(process: FilterProcess) -> None:
    long = ["1" + "+1" * 990 + f" == {n}" for n in range(1_000, 1_020)]
    await process.check(PASSES, owner=1)
    pauses: list[float] = []

    async def watch() -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0)
            pauses.append(time.thread_time() - before)

    watching = asyncio.create_task(watch())
    made = [await process.check(text, owner=1) for text in long]
    watching.cancel()

    assert made == [[]] * len(long)
    # Each takes some 0.03 s to compile.
    assert sorted(pauses)[-3] < 0.01
    assert 1 in process._filter_time._spent


async def test_who_has_no_time_left_is_asked_to_wait_with_a_check(process: FilterProcess) -> None:
    process._filter_time.spend(1, 2 * MAX_OWNER_S, time.monotonic())

    with pytest.raises(TooSoon) as refused:
        await process.check(PASSES, owner=1)

    assert refused.value.message == f"The filter can't be checked at the moment: {OVERSPENT}. Try again in a minute."
    assert await process.check(PASSES, owner=2) == []


async def test_sees_nothing_of_our_environment(process: FilterProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLGRAPH_SECRET_KEY", "not for others")
    await verdicts(process.batch(), PASSES)

    assert process._process is not None
    environment = await asyncio.to_thread(Path(f"/proc/{process._process.pid}/environ").read_bytes)
    names = {entry.split(b"=")[0] for entry in environment.split(b"\0") if entry}

    assert b"TELLGRAPH_SECRET_KEY" not in names


async def test_many_bad_filters_use_up_the_time_of_their_owner_alone(process: FilterProcess) -> None:
    bad = [f"{ENDLESS} && {n} == {n}" for n in range(12)]

    made = [one.error for one in await verdicts(process.batch(), *bad, owner=1)]
    later = [one.error for one in await verdicts(process.batch(), "1 == 1", owner=1)]
    of_others = [await verdicts(process.batch(), FAILS, owner=owner) for owner in (None, 2)]

    assert made[0] == TOO_SLOW
    assert made.count(TOO_SLOW) <= 5
    assert set(made[5:]) == set(later) == {OVERSPENT}
    assert of_others == [[FilterResult(passes=False)]] * 2


async def test_what_rests_for_one_owner_is_decided_for_another(process: FilterProcess) -> None:
    await verdicts(process.batch(), ENDLESS, owner=1)
    small = orjson.dumps({"data": {"node": {"lines": []}}})

    verdict = await process.batch().evaluate(f"!({ENDLESS})", EVENT, small, owner=2)
    same_text = await process.batch().evaluate(ENDLESS, EVENT, small, owner=2)

    assert (verdict, same_text) == (FilterResult(passes=False), FilterResult(passes=True))


@pytest.mark.parametrize(("beyond_s", "spent_s"), [(0.0, 0.0), (-1e-4, 0.0), (0.5, 0.5)])
async def test_the_usual_time_for_so_many_bytes_costs_the_owner_nothing(
    process: FilterProcess, monkeypatch: pytest.MonkeyPatch, beyond_s: float, spent_s: float
) -> None:
    long = orjson.dumps({"data": {"node": {"total": 5, "lines": [{"quantity": n} for n in range(5_000)]}}})
    cpu_s = USUAL_S + USUAL_S_PER_BYTE * len(long) + beyond_s

    async def answer(_: bytes) -> bytes:
        # As the process answers. What it takes itself depends on the machine.
        return orjson.dumps({"value": False, "error": None, "cpu_s": cpu_s})

    monkeypatch.setattr(process, "_line", answer)
    result, spent = await process.evaluate(FAILS, EVENT, long, owner=1)

    assert result == FilterResult(passes=False)
    assert spent == pytest.approx(spent_s)


def test_a_budget_comes_back_with_time() -> None:
    budget = FilterTime()
    budget.spend(1, MAX_OWNER_S, 100.0)
    budget.spend(2, MAX_OWNER_S / 2, 100.0)

    assert (budget.is_spent(1, 100.0), budget.is_spent(2, 100.0), budget.is_spent(3, 100.0)) == (True, False, False)
    assert budget.is_spent(1, 100.5) is False
    budget.spend(1, 2 * MAX_OWNER_S, 100.5)
    regained_s = MAX_OWNER_S / REGAINED_PER_S
    assert [budget.is_spent(1, 100.5 + times * regained_s) for times in (0, 1.9, 2.1)] == [True, True, False]
