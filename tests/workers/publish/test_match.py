"""Change events are folded, and matched with webhooks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.capture.change_events import ChangeEvent
from app.capture.row_changes import RowChange
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED
from schema import schema
from schema.stored.triggers import watched_by
from schema.stored.validate import stored_query
from tests.app.webhooks.services.test_deduplication import WEBHOOK
from tests.support.outbox import fold_entities
from workers.publish.match import MAX_CHANGES, Change, change_for, fold_for, skip_reason

CREATE, UPDATE, DESTROY = WebhookEventName
START = datetime(2026, 1, 1, tzinfo=UTC)
QUERY = stored_query(
    schema._schema,
    "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents lineItems { quantity } } } }",
    WebhookKlass.INVOICE,
)


def event(id_: int, **overrides: Any) -> ChangeEvent:
    values: dict[str, Any] = {
        "txid": 1,
        "entity_type": "Invoice",
        "entity_id": 7,
        "operation": UPDATE,
        "columns": frozenset({"invoices.total_cents"}),
        "changes": [RowChange("invoices", id_, (), "u", ("total_cents",))],
        "is_cut": False,
        "seller_id": None,
        "recorded_at": START + timedelta(seconds=id_),
    }
    return ChangeEvent(id=id_, **{**values, **overrides})


def change(**overrides: Any) -> Change:
    (folded,) = fold_entities([event(1, **overrides)])
    return folded


def test_changes_of_one_entity_fold_to_one_in_order_of_their_first() -> None:
    events = [
        event(1, entity_id=8),
        event(2, columns=frozenset({"line_items.*"}), txid=2),
        event(3, entity_id=8, operation=DESTROY, seller_id=5, txid=3),
        event(4, is_cut=True),
    ]

    first, second = fold_entities(events)

    assert (first.entity_id, first.operation, first.seller_id) == (8, DESTROY, 5)
    assert (second.entity_id, second.operation, second.is_cut) == (7, UPDATE, True)
    assert second.columns == {"line_items.*", "invoices.total_cents"}
    assert [row.id for row in second.changes] == [2, 4]
    assert second.changed_at == START + timedelta(seconds=4)


def test_every_change_folds_by_transaction() -> None:
    events = [event(1, txid=1), event(2, txid=2), event(3, txid=1), event(4, txid=2, operation=DESTROY)]

    folded = fold_for(replace(WEBHOOK, every_change=True), events)

    assert [(one.operation, [row.id for row in one.changes]) for one in folded] == [
        (UPDATE, [1, 3]),
        (DESTROY, [2, 4]),
    ]


def test_created_and_destroyed_in_one_batch_is_nothing() -> None:
    events = [event(1, operation=CREATE), event(2), event(3, operation=DESTROY)]

    assert fold_entities(events) == []


def test_too_many_rows_over_several_events_are_cut() -> None:
    events = [event(number) for number in range(1, MAX_CHANGES + 2)]

    (folded,) = fold_entities(events)

    assert (len(folded.changes), folded.is_cut) == (MAX_CHANGES, True)


@given(st.lists(st.tuples(st.integers(1, 4), st.sampled_from(WebhookEventName)), max_size=20))
def test_an_entity_s_fold_does_not_depend_on_the_others(steps: list[tuple[int, WebhookEventName]]) -> None:
    events = [
        event(number, entity_id=entity, operation=operation)
        for number, (entity, operation) in enumerate(steps, start=1)
    ]

    together = {one.entity_id: one for one in fold_entities(events)}

    for entity in range(1, 5):
        alone = fold_entities([one for one in events if one.entity_id == entity])
        assert alone == ([together[entity]] if entity in together else [])


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({}, None),
        ({"columns": frozenset({"invoices.buyer_phone"})}, UNWATCHED),
        ({"columns": frozenset({"invoices.buyer_phone", "line_items.quantity"})}, None),
        ({"columns": frozenset({"line_items.*"})}, None),
        ({"columns": frozenset({"shipments.*"})}, UNWATCHED),
        ({"columns": frozenset({"invoices.seller_id"})}, None),
        ({"columns": frozenset({"invoices.buyer_phone"}), "operation": CREATE}, None),
        ({"columns": frozenset({"invoices.buyer_phone"}), "operation": DESTROY}, None),
        # An importer that deletes and inserts again: any column may have changed.
        ({"columns": frozenset({"invoices.*"})}, None),
    ],
)
def test_an_update_of_nothing_that_is_watched_is_skipped(overrides: dict[str, Any], reason: str | None) -> None:
    assert skip_reason(WEBHOOK, QUERY.watched, change(**overrides)) == reason


def test_triggers_are_watched_in_the_place_of_the_query() -> None:
    triggered = replace(WEBHOOK, triggers=("buyerSurname",))
    watched = watched_by(schema._schema, QUERY, triggered.triggers)

    of_trigger = skip_reason(triggered, watched, change(columns=frozenset({"invoices.buyer_surname"})))
    of_query = skip_reason(triggered, watched, change())

    assert (of_trigger, of_query) == (None, UNTRIGGERED)


def test_only_its_type_and_the_events_that_were_asked_for_concern_a_webhook() -> None:
    only_creations = replace(WEBHOOK, event_names=(CREATE,))

    concerned = [change_for(only_creations, change(operation=operation)) is not None for operation in WebhookEventName]

    assert concerned == [True, False, False]
    assert change_for(WEBHOOK, change(entity_type="Variant")) is None


def test_who_is_not_told_of_creations_is_told_of_what_was_changed_after_one() -> None:
    only_updates = replace(WEBHOOK, event_names=(UPDATE,))
    events = [
        event(1, columns=frozenset({"line_items.*"})),
        event(2, operation=CREATE, columns=frozenset({"invoices.*"})),
        event(3, columns=frozenset({"invoices.paid_at"}), txid=2),
    ]

    (folded,) = fold_entities(events)
    (unchanged,) = fold_entities(events[:2])

    told = change_for(only_updates, folded)
    assert told is not None
    assert (told.operation, [row.id for row in told.changes]) == (UPDATE, [3])
    assert told.columns == {"invoices.paid_at"}
    assert change_for(WEBHOOK, folded) is folded
    assert change_for(only_updates, unchanged) is None
