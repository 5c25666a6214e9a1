from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks.domain.attempt import OUR_FAULTS, ErrorKind
from app.webhooks.domain.retry import GONE_REASON, PAYLOAD_GONE_REASON, TOO_OLD_REASON, Decision, decide, retry_after_s
from app.webhooks.domain.webhook_event import WebhookEventState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAILED = Decision(state=WebhookEventState.FAILED)
TOO_OLD = Decision(state=WebhookEventState.FAILED, reason=TOO_OLD_REASON)
DELIVERED = Decision(state=WebhookEventState.DELIVERED)
DAY_S = 86400.0


def again(delay_s: float) -> Decision:
    return Decision(state=WebhookEventState.RETRYING, delay_s=delay_s)


def after(
    outcome: int | ErrorKind,
    *,
    attempt_number: int = 1,
    retry_after: str | None = None,
    age: timedelta = timedelta(0),
    max_retries: int = 25,
    chance: float = 0.5,
) -> Decision:
    return decide(
        attempt_number=attempt_number,
        outcome=outcome,
        retry_after=retry_after,
        now=NOW,
        first_attempted_at=NOW - age,
        max_retries=max_retries,
        chance=chance,
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_2xx_is_delivered(status: int) -> None:
    assert after(status) == DELIVERED
    assert after(status, attempt_number=99, age=timedelta(days=99), retry_after="60") == DELIVERED


def test_retries_follow_the_schedule() -> None:
    delays = [after(500, attempt_number=number).delay_s for number in range(1, 14)]

    assert delays == [0, 5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800, 28800, 28800]


THEIRS = [kind for kind in ErrorKind if kind not in OUR_FAULTS]


@pytest.mark.parametrize("outcome", [*THEIRS, 101, 199, 408, 425, 429, 500, 502, 503, 504, 599, 600, 999], ids=str)
def test_what_may_pass_is_retried_to_the_last(outcome: int | ErrorKind) -> None:
    assert after(outcome) == again(0)
    assert after(outcome, attempt_number=25) == again(28800)
    assert after(outcome, attempt_number=26) == FAILED


@pytest.mark.parametrize(("ours", "delay_s"), [(ErrorKind.UNSENT, 300), (ErrorKind.CANCELLED, 0)])
def test_our_own_fault_counts_against_no_limit_but_the_age(ours: ErrorKind, delay_s: float) -> None:
    assert after(ours) == again(delay_s)
    assert after(ours, attempt_number=99, max_retries=0, age=timedelta(days=29)) == again(delay_s)
    assert after(ours, age=timedelta(days=30, seconds=1)) == TOO_OLD


def test_what_is_not_there_any_more_has_failed_at_once() -> None:
    expected = Decision(state=WebhookEventState.FAILED, reason=PAYLOAD_GONE_REASON)

    assert after(ErrorKind.PAYLOAD_GONE) == expected


@pytest.mark.parametrize("status", [300, 301, 302, 304, 307, 308, 400, 401, 403, 404, 405, 409, 411, 422, 499])
def test_rejection_is_retried_five_times(status: int) -> None:
    assert after(status) == again(0)
    assert after(status, attempt_number=5) == again(600)
    assert after(status, attempt_number=6) == FAILED
    assert after(status, attempt_number=3, max_retries=2) == FAILED


def test_gone_disables_the_webhook() -> None:
    expected = Decision(state=WebhookEventState.FAILED, reason=GONE_REASON, disable_reason=GONE_REASON)

    assert after(410) == expected
    assert after(410, attempt_number=7, retry_after="60") == expected


@pytest.mark.parametrize(("max_retries", "last"), [(0, 1), (1, 2), (50, 51)])
def test_webhook_sets_the_number_of_retries(max_retries: int, last: int) -> None:
    assert after(ErrorKind.CONNECT, attempt_number=last, max_retries=max_retries) == FAILED
    if max_retries:
        decision = after(ErrorKind.CONNECT, attempt_number=last - 1, max_retries=max_retries)
        assert decision.state is WebhookEventState.RETRYING


def test_no_retry_lies_past_thirty_days() -> None:
    limit = timedelta(days=30) - timedelta(seconds=28800)

    assert after(500, attempt_number=20, age=limit) == again(28800)
    assert after(500, attempt_number=20, age=limit + timedelta(seconds=1)) == TOO_OLD
    assert after(500, attempt_number=1, retry_after="10", age=timedelta(days=30)) == TOO_OLD


def test_jitter_moves_a_delay_by_a_fifth() -> None:
    assert after(500, attempt_number=5, chance=0.0) == again(480)
    assert after(500, attempt_number=5, chance=0.75).delay_s == pytest.approx(660)
    assert after(500, attempt_number=1, chance=0.0) == again(0)


@given(st.integers(1, 51), st.floats(0, 1, exclude_max=True))
def test_delay_stays_within_a_fifth_of_the_schedule(number: int, chance: float) -> None:
    exact = after(500, attempt_number=number, max_retries=60).delay_s or 0.0
    delay_s = after(500, attempt_number=number, max_retries=60, chance=chance).delay_s

    assert delay_s is not None
    assert exact * 0.8 - 1e-9 <= delay_s <= exact * 1.2


@pytest.mark.parametrize("outcome", [503, 429, 404, 301])
def test_retry_after_puts_a_retry_off(outcome: int) -> None:
    assert after(outcome, retry_after="90") == again(90)
    assert after(outcome, retry_after="Sun, 01 Mar 2026 12:02:00 GMT") == again(120)


def test_retry_after_brings_no_retry_forward() -> None:
    assert after(503, attempt_number=5, retry_after="1") == again(600)


def test_retry_after_is_honoured_up_to_a_day() -> None:
    for value in ("86401", "9" * 5000, "Fri, 01 Jan 2100 00:00:00 GMT"):
        assert after(503, retry_after=value) == again(DAY_S)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 120 ", 120),
        ("0000000120", 120),
        ("86400", DAY_S),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30),
        ("Sun Mar  1 12:00:30 2026", 30),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30),
    ],
)
def test_reads_every_form_of_retry_after(value: str, seconds: float) -> None:
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "0",
        "-1",
        "1.5",
        "1e3",
        "soon",
        "12 h",
        "١٢",
        "²",
        "Sun, 01 Mar 2026 11:59:59 GMT",
        "Sun, 01 Mar 1926 12:00:00 GMT",
        "Sun, 99 Mar 2026 12:00:00 GMT",
        "Sun, 01 Mar 99999 12:00:00 GMT",
        "Sun, 01 Mar 2026 12:00:00 +9999999999",
        "2026-03-01T13:00:00Z",
        ",",
        "\0",
    ],
)
def test_ignores_a_retry_after_that_is_past_or_garbage(value: str | None) -> None:
    assert retry_after_s(value, NOW) is None


@given(st.text(max_size=60))
def test_no_retry_after_breaks_the_decision(value: str) -> None:
    delay_s = after(503, retry_after=value).delay_s

    assert delay_s is not None
    assert 0 <= delay_s <= DAY_S
