"""Every rule by which a rendered change is sent, skipped, or takes the place of what waits."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.db.table import JsonText
from app.webhooks.db.webhook_events import PriorEvent, WebhookEventId
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.services.deduplication import EQUAL, NEVER_SENT, Verdict, judge

CREATE, UPDATE, DESTROY = WebhookEventName
PENDING, SENDING, RETRYING, DELIVERED, HELD = (
    WebhookEventState.PENDING,
    WebhookEventState.SENDING,
    WebhookEventState.RETRYING,
    WebhookEventState.DELIVERED,
    WebhookEventState.HELD,
)
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
WEBHOOK = Webhook(
    id=WebhookId(1),
    seller_id=None,
    type=WebhookKlass.INVOICE,
    event_names=tuple(WebhookEventName),
    url="https://example.com",
    query_string="",
    headers=None,
    headers_shown=JsonText("{}"),
    secrets=b"",
    description=None,
    is_enabled=True,
    disabled_reason=None,
    allow_skip=True,
    every_change=False,
    max_retries=25,
    concurrent_send_limit=100,
    timeout_s=15,
    is_failing=False,
    failing_since=None,
    created_at=_NOW,
    updated_at=_NOW,
)
ALWAYS = replace(WEBHOOK, allow_skip=False)
EVERY = replace(WEBHOOK, every_change=True)
NO_ENDS = replace(WEBHOOK, event_names=(CREATE, UPDATE))


def was(
    state: WebhookEventState, name: WebhookEventName, digest: bytes | None = b"old", id_: int = 1, **more: Any
) -> PriorEvent:
    attempts = 0 if state in (PENDING, HELD) else 1
    values = {"attempt_count": attempts, "may_be_known": False, **more}
    return PriorEvent(id=WebhookEventId(id_), state=state, event_name=name, payload_digest=digest, **values)


def outcome(verdict: Verdict) -> tuple[WebhookEventState, WebhookEventName, tuple[int, ...]]:
    return verdict.state, verdict.event_name, verdict.supersedes


SKIPPED = WebhookEventState.SKIPPED


@pytest.mark.parametrize(
    ("webhook", "operation", "past", "expected"),
    [
        # Nothing was given yet.
        (WEBHOOK, CREATE, [], (PENDING, CREATE, ())),
        (WEBHOOK, DESTROY, [], (PENDING, DESTROY, ())),
        # Equal to the last one.
        (WEBHOOK, UPDATE, [was(DELIVERED, UPDATE, b"new")], (SKIPPED, UPDATE, ())),
        (WEBHOOK, UPDATE, [was(PENDING, CREATE, b"new")], (SKIPPED, UPDATE, ())),
        (WEBHOOK, UPDATE, [was(SENDING, UPDATE, b"new")], (SKIPPED, UPDATE, ())),
        (ALWAYS, UPDATE, [was(DELIVERED, UPDATE, b"new")], (PENDING, UPDATE, ())),
        (ALWAYS, UPDATE, [was(PENDING, UPDATE, b"new")], (PENDING, UPDATE, (1,))),
        (EVERY, UPDATE, [was(PENDING, UPDATE, b"new")], (PENDING, UPDATE, ())),
        # Only the last one counts: the subscriber holds what came after it.
        (
            WEBHOOK,
            UPDATE,
            [was(PENDING, UPDATE, b"old", 2), was(SENDING, UPDATE, b"new", 1)],
            (PENDING, UPDATE, (2,)),
        ),
        # Back at what the subscriber has, before anything else was sent; but not while something may arrive.
        (WEBHOOK, UPDATE, [was(HELD, UPDATE, b"old", 2), was(DELIVERED, UPDATE, b"new")], (SKIPPED, UPDATE, (2,))),
        (WEBHOOK, CREATE, [was(PENDING, DESTROY, b"old", 2), was(DELIVERED, UPDATE, b"new")], (SKIPPED, CREATE, (2,))),
        (WEBHOOK, UPDATE, [was(SENDING, UPDATE, b"old", 2), was(DELIVERED, UPDATE, b"new")], (PENDING, UPDATE, ())),
        (WEBHOOK, DESTROY, [was(HELD, UPDATE, b"old", 2), was(DELIVERED, UPDATE, b"new")], (PENDING, DESTROY, (2,))),
        (ALWAYS, UPDATE, [was(HELD, UPDATE, b"old", 2), was(DELIVERED, UPDATE, b"new")], (PENDING, UPDATE, (2,))),
        (
            WEBHOOK,
            UPDATE,
            [was(PENDING, UPDATE, b"old", 2, is_replay=True), was(DELIVERED, UPDATE, b"new")],
            (PENDING, UPDATE, ()),
        ),
        # A destroy is news, and so is what comes after it.
        (WEBHOOK, DESTROY, [was(DELIVERED, UPDATE, b"new")], (PENDING, DESTROY, ())),
        (WEBHOOK, CREATE, [was(DELIVERED, DESTROY, b"new")], (PENDING, CREATE, ())),
        # Who has an entity and was not told of its end is not told of a second creation.
        (ALWAYS, CREATE, [was(DELIVERED, UPDATE, b"new")], (PENDING, UPDATE, ())),
        (WEBHOOK, CREATE, [was(DELIVERED, CREATE, b"old")], (PENDING, UPDATE, ())),
        (WEBHOOK, CREATE, [was(DELIVERED, UPDATE, None)], (PENDING, CREATE, ())),
        (WEBHOOK, CREATE, [was(SENDING, UPDATE)], (PENDING, CREATE, ())),
        (NO_ENDS, CREATE, [was(DELIVERED, UPDATE)], (PENDING, CREATE, ())),
        (EVERY, CREATE, [was(DELIVERED, UPDATE)], (PENDING, CREATE, ())),
        # A newer state takes the place of what waits, and of nothing that is in flight.
        (WEBHOOK, UPDATE, [was(PENDING, UPDATE)], (PENDING, UPDATE, (1,))),
        (WEBHOOK, UPDATE, [was(RETRYING, UPDATE)], (PENDING, UPDATE, (1,))),
        (WEBHOOK, UPDATE, [was(HELD, UPDATE)], (PENDING, UPDATE, (1,))),
        (WEBHOOK, UPDATE, [was(SENDING, UPDATE)], (PENDING, UPDATE, ())),
        (WEBHOOK, UPDATE, [was(DELIVERED, UPDATE)], (PENDING, UPDATE, ())),
        (EVERY, UPDATE, [was(PENDING, UPDATE)], (PENDING, UPDATE, ())),
        # Created and updated is created; but not when the creation is on its way.
        (WEBHOOK, UPDATE, [was(PENDING, CREATE)], (PENDING, CREATE, (1,))),
        (WEBHOOK, UPDATE, [was(RETRYING, CREATE)], (PENDING, CREATE, (1,))),
        (WEBHOOK, UPDATE, [was(SENDING, CREATE)], (PENDING, UPDATE, ())),
        (EVERY, UPDATE, [was(PENDING, CREATE)], (PENDING, UPDATE, ())),
        # Created and destroyed is nothing, if nobody can have heard of it.
        (WEBHOOK, DESTROY, [was(PENDING, CREATE)], (SKIPPED, DESTROY, (1,))),
        (WEBHOOK, DESTROY, [was(HELD, CREATE)], (SKIPPED, DESTROY, (1,))),
        (WEBHOOK, DESTROY, [was(RETRYING, CREATE)], (PENDING, DESTROY, (1,))),
        (WEBHOOK, DESTROY, [was(SENDING, CREATE)], (PENDING, DESTROY, ())),
        (EVERY, DESTROY, [was(PENDING, CREATE)], (PENDING, DESTROY, ())),
        (WEBHOOK, DESTROY, [was(PENDING, CREATE, may_be_known=True)], (PENDING, DESTROY, (1,))),
        (WEBHOOK, DESTROY, [was(PENDING, UPDATE)], (PENDING, DESTROY, (1,))),
    ],
)
def test_verdict(
    webhook: Webhook,
    operation: WebhookEventName,
    past: list[PriorEvent],
    expected: tuple[WebhookEventState, WebhookEventName, tuple[int, ...]],
) -> None:
    verdict = judge(webhook, operation, b"new", past)

    assert outcome(verdict) == expected
    reasons = {PENDING: None, SKIPPED: NEVER_SENT if operation is DESTROY else EQUAL}
    assert verdict.reason == reasons[verdict.state]


def test_a_destroy_is_not_lost_when_an_entity_comes_back_and_goes_again() -> None:
    """Delivered, then destroyed, restored and destroyed while the endpoint is away."""
    past = [was(DELIVERED, CREATE, id_=1)]
    for id_, operation in enumerate((DESTROY, CREATE, DESTROY), start=2):
        verdict = judge(WEBHOOK, operation, b"new", past)
        past = [was(PENDING, verdict.event_name, id_=id_, may_be_known=verdict.may_be_known)]

    assert outcome(verdict) == (PENDING, DESTROY, (3,))


def test_a_destroy_is_not_lost_when_the_attempted_creation_was_superseded() -> None:
    verdict = judge(WEBHOOK, UPDATE, b"new", [was(RETRYING, CREATE)])
    past = [was(PENDING, verdict.event_name, id_=2, may_be_known=verdict.may_be_known)]

    assert outcome(judge(WEBHOOK, DESTROY, b"gone", past)) == (PENDING, DESTROY, (2,))


@given(
    life=st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=1, max_size=12),
    subject=st.sampled_from([WEBHOOK, ALWAYS]),
)
def test_a_subscriber_ends_up_knowing_whether_the_entity_exists(
    life: list[tuple[bool, bool, bool]], subject: Webhook
) -> None:
    """Whatever is attempted in between, and whether or not it arrives although the attempt failed."""
    exists, knows, open_, delivered, state = False, False, list[PriorEvent](), list[PriorEvent](), 0
    for number, (goes, attempted, arrives) in enumerate(life, start=1):
        operation = CREATE if not exists else DESTROY if goes else UPDATE
        exists, state = operation is not DESTROY, state + 1
        digest = str(state).encode()
        verdict = judge(subject, operation, digest, [*open_, *delivered])
        open_ = [one for one in open_ if one.id not in verdict.supersedes]
        if verdict.state is PENDING:
            open_ = [was(PENDING, verdict.event_name, digest, number, may_be_known=verdict.may_be_known), *open_]
        if attempted and open_:
            knows = open_[0].event_name is not DESTROY if arrives else knows
            open_ = [open_[0]._replace(state=RETRYING, attempt_count=1)]

    for one in open_:
        knows = one.event_name is not DESTROY

    assert knows is exists
