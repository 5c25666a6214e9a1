"""A FAILED event always says why; an attempt says it in plain words, and the log has the rest."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from app.errors import AttemptError
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.attempts import Outcome, build_result
from tests.workers.deliver.test_request_url import DUE
from workers.deliver.outcome import build_failure, build_outcome
from workers.http.egress import RefusedName
from workers.http.errors import classify, describe
from workers.http.transport import Answer

NOW = datetime(2026, 3, 1, tzinfo=UTC)
UNREACHABLE = "The endpoint's name has no address that webhooks may reach."


def answered(status: int, **due: object) -> Outcome:
    answer = Answer(
        status=status, retry_after=None, content_type=None, body=b"", is_cut=False, note=None, duration_ms=3.0
    )
    return build_outcome(DUE._replace(**due), answer)  # type: ignore[arg-type]  # fields of a named tuple


def refused(**due: object) -> Outcome:
    cause = RefusedName("'vault.corp-net.example' has the address 10.20.30.40, which webhooks may not reach")
    error = AttemptError(classify(cause), describe(cause))
    error.__cause__ = cause
    return build_failure(DUE._replace(**due), error)  # type: ignore[arg-type]  # fields of a named tuple


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (answered(503, max_retries=0), "No retries are left after 1 attempt. The last one ended with HTTP 503."),
        (
            refused(max_retries=0),
            f"No retries are left after 1 attempt. The last one ended with DNS: {UNREACHABLE}",
        ),
        (answered(500, max_retries=0, event_name="test"), "A test is not retried. It ended with HTTP 500."),
        (answered(410), "The endpoint answered 410 Gone."),
        (
            answered(500, first_attempted_at=datetime(2026, 1, 1, tzinfo=UTC)),
            "No attempt has succeeded within 30 days of the first.",
        ),
    ],
)
def test_a_failed_event_has_a_reason(outcome: Outcome, reason: str) -> None:
    result = build_result(outcome, NOW)

    assert (result.state, result.reason) == (WebhookEventState.FAILED, reason)


def test_an_event_that_is_retried_or_delivered_has_none() -> None:
    results = [build_result(outcome, NOW) for outcome in (answered(500), answered(200), refused())]

    assert [result.reason for result in results] == [None] * 3


def test_the_log_tells_the_address_and_the_attempt_does_not() -> None:
    with capture_logs() as logs:
        result = build_result(refused(), NOW)

    assert (result.error_kind, result.error) == (ErrorKind.DNS, UNREACHABLE)
    assert "10.20.30.40" in logs[0]["error"]
    assert "'vault.corp-net.example'" in logs[0]["error"]
