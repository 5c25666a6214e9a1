from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.webhooks.domain.operational_event import exhausted_reason, failing_reason


def test_failing_names_the_time_in_utc() -> None:
    since = datetime(2030, 1, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert failing_reason(since) == "No delivery has succeeded since 2029-12-31 23:30:00 UTC."
    assert failing_reason(since) == failing_reason(since.astimezone(UTC))


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"status": 503, "error_kind": None, "error": "noted"}, "HTTP 503"),
        (
            {"status": None, "error_kind": "TIMEOUT", "error": "No answer within 15 s."},
            "TIMEOUT: No answer within 15 s",
        ),
        ({"status": None, "error_kind": "RESET", "error": None}, "RESET"),
    ],
)
def test_exhausted_names_how_the_last_attempt_ended(ended: dict[str, object], words: str) -> None:
    assert exhausted_reason(attempts=1, **ended) == (  # type: ignore[arg-type]
        f"No retries are left after 1 attempt. The last one ended with {words}."
    )
    assert "after 26 attempts." in exhausted_reason(attempts=26, **ended)  # type: ignore[arg-type]
