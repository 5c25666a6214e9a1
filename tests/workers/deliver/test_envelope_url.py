"""A stored URL is checked again when it is sent to, by the rules and settings of that moment."""

import datetime
from typing import Any

import httpx
import pytest

from app.auth.secrets import secret_box
from app.errors import AttemptError
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.services.webhooks import SECRETS
from tests.builders.deliveries import SIGNING_SECRET
from tests.support.platform import SECRET_KEY, settings_for
from workers.deliver.envelope import prepare

NOW = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
DUE = DueEvent(
    id=7,  # type: ignore[arg-type]
    webhook_id=3,  # type: ignore[arg-type]
    type="INVOICE",
    entity_type="Invoice",
    entity_id=5,
    event_name="update",
    attempt=1,
    changed={},
    changed_at=NOW,
    first_attempted_at=NOW,
    body=b"{}",
    url="https://example.com/",
    headers=None,
    secrets=secret_box(SECRET_KEY).seal([SIGNING_SECRET], purpose=SECRETS, row=3),
    timeout_s=15,
    max_retries=25,
)


def settings(**overrides: Any) -> Settings:
    return settings_for("postgresql://", **overrides)


#: No network is opened.
CLOSED = settings().model_copy(update={"egress_allow": ()})


def prepared_url(url: str, given: Settings) -> httpx.URL:
    return prepare(DUE._replace(url=url), given, now=NOW).url


def refusal(url: str, given: Settings) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        prepared_url(url, given)
    assert caught.value.kind == ErrorKind.REFUSED_ADDRESS
    return caught.value


def test_url_that_was_saved_goes_out_as_it_is() -> None:
    assert str(prepared_url("https://example.com/a?b=%2F", settings())) == "https://example.com/a?b=%2F"


def test_url_that_the_settings_no_longer_allow_is_refused() -> None:
    url = "http://example.com/"

    assert str(prepared_url(url, settings(allow_http=True))) == url
    assert refusal(url, CLOSED).message.startswith("The URL must start with https://")
    assert str(prepared_url(url, settings(allow_http=True))) == url


@pytest.mark.parametrize("url", ["https://10.0.0.1/", "https://router.lan/", "https://a@example.com/", "ftp://a", ""])
def test_url_that_was_never_checked_is_refused(url: str) -> None:
    assert refusal(url, CLOSED).message


def test_international_name_that_was_written_by_hand_is_sent_to_in_ascii() -> None:
    assert str(prepared_url("https://bücher.example/", settings())) == "https://xn--bcher-kva.example/"


def test_refusal_of_a_long_url_is_short() -> None:
    assert len(refusal("https://" + "ü" * 2000, settings()).message) <= 300
