"""Why a webhook was told of a change or was not: every verdict, from what is recorded."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.capture.entity_changes import EntityChange, EntityEvent
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhook_events import WebhookEventId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import WebhookEventState
from schema.stored.explain import ChangeVerdict, explain_changes, list_owned
from tests.app.webhooks.services.test_deduplication import WEBHOOK as ANY_WEBHOOK

START = datetime(2026, 3, 4, tzinfo=UTC)
CREATE, UPDATE, DESTROY = WebhookEventName
WEBHOOK = replace(ANY_WEBHOOK, created_at=START, updated_at=START)
WATCHED = frozenset({"invoices.*", "invoices.total_cents"})
OF_SELLER = {"seller_id": SellerId(7), "is_seen": True}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def a_change(second: float, operation: WebhookEventName = UPDATE, **given: Any) -> EntityChange:
    """One that changes what WATCHED has, in a transaction of its own, and is published a second later."""
    values: dict[str, Any] = {
        "id": int(second * 10),
        "txid": int(second * 10),
        "operation": operation,
        "columns": frozenset({"invoices.total_cents" if operation is UPDATE else "invoices.*"}),
        "changes": [],
        "is_cut": False,
        "seller_id": None,
        "recorded_at": at(second),
        "published_at": at(second + 1),
    }
    return EntityChange(**values | given)


def an_event(number: int, changed: float, created: float, state: str = "DELIVERED", **given: Any) -> EntityEvent:
    return EntityEvent(
        id=WebhookEventId(number),
        state=WebhookEventState(state),
        reason=given.get("reason"),
        changed_at=at(changed),
        created_at=at(created),
    )


UNREAD: dict[str, Any] = {"columns": frozenset({"invoices.note"})}
#: name: settings of the webhook, its changes newest first, its events, and (verdict, event) of each change.
CASES: dict[str, tuple[dict[str, Any], list[EntityChange], list[EntityEvent], list[tuple[str, int | None]]]] = {
    "a webhook event tells of it": ({}, [a_change(5)], [an_event(1, 5, 5.5)], [("MADE", 1)]),
    "each is told by the first event that can": (
        {},
        [a_change(9), a_change(5)],
        [an_event(1, 5, 5.5), an_event(2, 9, 9.5)],
        [("MADE", 2), ("MADE", 1)],
    ),
    "two that waited together are told by one": (
        {},
        [a_change(6, published_at=at(8)), a_change(5, published_at=at(8), **UNREAD)],
        [an_event(1, 6, 7)],
        [("MADE", 1), ("MADE", 1)],
    ),
    "an event of a later change does not tell of what nobody watches": (
        {},
        [a_change(9), a_change(5, **UNREAD)],
        [an_event(2, 9, 9.5)],
        [("MADE", 2), ("NOT_WATCHED", None)],
    ),
    "an event of a later change tells of what was lost while disabled": (
        {},
        [a_change(5)],
        [an_event(3, 20, 20)],
        [("MADE", 3)],
    ),
    "nobody has published it": ({}, [a_change(5, published_at=None)], [], [("WAITING", None)]),
    "it could not be published": (
        {},
        [a_change(5, published_at=None, is_set_aside=True)],
        [],
        [("SET_ASIDE", None)],
    ),
    "it is published to some webhooks": (
        {},
        [a_change(5, published_at=None)],
        [an_event(1, 5, 5.5)],
        [("MADE", 1)],
    ),
    "it is older than the webhook": ({"created_at": at(10)}, [a_change(5)], [], [("BEFORE_WEBHOOK", None)]),
    "it waited when the webhook came": (
        {"created_at": at(5.5)},
        [a_change(5)],
        [an_event(1, 5, 5.7)],
        [("MADE", 1)],
    ),
    "its kind is left out": ({"event_names": (CREATE,)}, [a_change(5)], [], [("NOT_ASKED_FOR", None)]),
    "nothing that is read": ({}, [a_change(5, **UNREAD)], [], [("NOT_WATCHED", None)]),
    "nothing that a trigger names": (
        {"triggers": ("totalCents",)},
        [a_change(5, **UNREAD)],
        [],
        [("NOT_TRIGGERED", None)],
    ),
    "what is not read counts when it is created": ({}, [a_change(5, CREATE)], [], [("UNKNOWN", None)]),
    "the webhook is disabled": ({"is_enabled": False}, [a_change(5)], [], [("DISABLED", None)]),
    "the webhook catches up": ({"missed_since": 3}, [a_change(5)], [], [("DISABLED", None)]),
    "a disabled webhook does not watch more": (
        {"is_enabled": False},
        [a_change(5, **UNREAD)],
        [],
        [("NOT_WATCHED", None)],
    ),
    "created and destroyed together": (
        {},
        [a_change(6, DESTROY, published_at=at(8)), a_change(5, CREATE, published_at=at(8))],
        [],
        [("UNDONE", None), ("UNDONE", None)],
    ),
    "created and destroyed apart": (
        {"event_names": (CREATE,)},
        [a_change(9, DESTROY), a_change(5, CREATE)],
        [an_event(1, 5, 5.5)],
        [("NOT_ASKED_FOR", None), ("MADE", 1)],
    ),
    "an update of its creation's own transaction": (
        {"event_names": (UPDATE,)},
        [a_change(5.2, published_at=at(6), txid=1), a_change(5, CREATE, published_at=at(6), txid=1)],
        [],
        [("NOT_ASKED_FOR", None), ("NOT_ASKED_FOR", None)],
    ),
    "an update after a creation that is left out": (
        {"event_names": (UPDATE,)},
        [a_change(5.5, published_at=at(6), **UNREAD), a_change(5, CREATE, published_at=at(6))],
        [],
        [("NOT_WATCHED", None), ("NOT_ASKED_FOR", None)],
    ),
    "every change is told by itself": (
        {"every_change": True},
        [a_change(6, published_at=at(8)), a_change(5, published_at=at(8), **UNREAD)],
        [],
        [("UNKNOWN", None), ("NOT_WATCHED", None)],
    ),
    "the seller does not see it": (
        {"seller_id": SellerId(7), "is_seen": False},
        [a_change(5)],
        [],
        [("NOT_VISIBLE", None)],
    ),
    "the seller did not see it before it was moved": (
        OF_SELLER,
        [a_change(9, columns=frozenset({"invoices.seller_id"})), a_change(5)],
        [],
        [("NOT_WATCHED", None), ("NOT_VISIBLE", None)],
    ),
    "it has come to the seller, who does not ask for creations": (
        OF_SELLER | {"event_names": (UPDATE, DESTROY)},
        [a_change(9, columns=frozenset({"invoices.seller_id"}), seller_id=8), a_change(5)],
        [],
        [("NOT_ASKED_FOR", None), ("NOT_VISIBLE", None)],
    ),
    "it has left the seller, who does not ask for the end": (
        {"seller_id": SellerId(7), "is_seen": False, "event_names": (UPDATE, CREATE)},
        [
            a_change(12, **UNREAD),
            a_change(9, columns=frozenset({"invoices.seller_id"}), seller_id=7),
            a_change(5, **UNREAD),
        ],
        [],
        [("NOT_VISIBLE", None), ("NOT_ASKED_FOR", None), ("NOT_WATCHED", None)],
    ),
    "it was the seller's until it was deleted for good": (
        {"seller_id": SellerId(7), "is_seen": False},
        [a_change(9, DESTROY, seller_id=7), a_change(5, **UNREAD)],
        [an_event(1, 9, 9.5)],
        [("MADE", 1), ("NOT_WATCHED", None)],
    ),
    "it was another seller's until it was deleted for good": (
        OF_SELLER,
        [a_change(9, DESTROY, seller_id=8), a_change(5)],
        [],
        [("NOT_VISIBLE", None), ("NOT_VISIBLE", None)],
    ),
    "it is the operator's to know, though an event of that time is there": (
        OF_SELLER,
        [a_change(5, columns=frozenset({"orders/invoices.total_cents"}))],
        [an_event(1, 5, 5.5)],
        [("NOT_VISIBLE", None)],
    ),
    "the same is nothing to hide from the operator": (
        {},
        [a_change(5, columns=frozenset({"orders/invoices.total_cents"}))],
        [],
        [("NOT_WATCHED", None)],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_change_has_its_verdict(name: str) -> None:
    settings, changes, events, verdicts = CASES[name]
    webhook = replace(WEBHOOK, **{key: value for key, value in settings.items() if key != "is_seen"})

    explained = explain_changes(webhook, WATCHED, changes, events, is_seen=settings.get("is_seen", True))

    assert [one.change for one in explained] == changes
    assert [(one.verdict.value, one.event_id) for one in explained] == verdicts


def test_every_verdict_has_a_case() -> None:
    assert {verdict for _, _, _, verdicts in CASES.values() for verdict, _ in verdicts} == set(ChangeVerdict)


@pytest.mark.parametrize("state", WebhookEventState)
def test_every_state_says_what_to_do(state: WebhookEventState) -> None:
    event = an_event(1, 5, 5.5, state, reason="The result equals the last one.")

    (explained,) = explain_changes(WEBHOOK, WATCHED, [a_change(5)], [event], is_seen=True)

    assert explained.reason.startswith(("Its webhook event ", "A newer webhook event "))
    assert (state is WebhookEventState.SKIPPED) == explained.reason.endswith("The result equals the last one.")


def test_a_query_that_does_not_fit_leaves_nothing_out_as_unread() -> None:
    (explained,) = explain_changes(WEBHOOK, None, [a_change(5, **UNREAD)], [], is_seen=True)

    assert explained.verdict is ChangeVerdict.UNKNOWN


@pytest.mark.parametrize(("updated", "is_said"), [(0.0, False), (7.0, True)])
def test_settings_that_are_newer_than_the_change_are_said_to_be(updated: float, is_said: bool) -> None:
    webhook = replace(WEBHOOK, updated_at=at(updated))

    (explained,) = explain_changes(webhook, WATCHED, [a_change(5, **UNREAD)], [], is_seen=True)

    assert explained.reason.endswith("The webhook was changed since; this is by its present settings.") == is_said


def test_a_shipment_is_its_invoice_s_seller_s() -> None:
    moved = a_change(9, columns=frozenset({"shipments.invoice_id"}))

    assert list_owned("Shipment", [moved, a_change(5)], 7, is_seen=True) == [True, False]
    assert list_owned("Shipment", [moved, a_change(5)], None, is_seen=True) == [True, True]
