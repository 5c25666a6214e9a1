"""A stored URL is checked again when it is sent to, by the rules and settings of that moment."""

import datetime
from typing import Any

import httpx
import pytest

from app.auth.secrets import secret_box
from app.errors import AttemptError
from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.services.webhooks import SECRETS
from tests.builders.deliveries import SIGNING_SECRET
from tests.support.platform import SECRET_KEY, settings_for
from workers.deliver.request import prepare
from workers.http.egress import Egress, Route

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


def test_networks_are_opened_to_one_kind_of_owner() -> None:
    url = "http://127.0.0.1:9000/"
    sellers, operators = (settings().model_copy(update={name: ()}) for name in ("egress_allow", "egress_allow_sellers"))
    of_seller = DUE._replace(url=url, seller_id=SellerId(4))

    assert refusal(url, sellers).message.startswith("The address 127.0.0.1 is not on the public internet")
    assert prepare(of_seller, sellers, now=NOW).route == Route(
        Egress(sellers.egress_allow_sellers, is_internal=True), SellerId(4)
    )
    assert prepare(DUE._replace(url=url), operators, now=NOW).route == Route(
        Egress(operators.egress_allow, is_internal=True)
    )
    with pytest.raises(AttemptError) as caught:
        prepare(of_seller, operators, now=NOW)
    assert "TELLGRAPH_EGRESS_ALLOW_SELLERS" in caught.value.message


def test_only_sellers_are_held_to_the_usual_ports() -> None:
    due = DUE._replace(url="https://example.com:6379/")

    assert prepare(due, CLOSED, now=NOW).route == Route(Egress())
    with pytest.raises(AttemptError, match="The port 6379 is not one that webhooks may name"):
        prepare(due._replace(seller_id=SellerId(4)), CLOSED.model_copy(update={"egress_allow_sellers": ()}), now=NOW)
