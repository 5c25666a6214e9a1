"""Make webhook events from rendered results and the prior events of their webhooks."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson
import structlog

from app.auth.viewers import Viewer
from app.capture.missed_changes import list_created
from app.db.pool import Connection
from app.kernel.parsed_json import JsonObject, ParsedJson
from app.webhooks.cel.filters import FilterBatch
from app.webhooks.db import webhook_events
from app.webhooks.db.webhook_events import NewWebhookEvent, PriorEvent, Subject
from app.webhooks.db.webhooks import Subscription
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_event import NewState, WebhookEventState
from app.webhooks.services.deduplication import Verdict, awaits_creation, join_superseded, judge, may_know, returns_to
from schema import schema
from schema.stored.changed import describe_changes
from workers.publish.filtering import apply_filter
from workers.publish.match import Change, Match, UnrenderedMatch
from workers.publish.render import Rendering

_log = structlog.get_logger()


class Judgement(NamedTuple):
    """The result of judging rendered matches.

    Attributes:
        made: The webhook events, in the order of their matches.
        left: The matches whose filters there was no time for.
        previous: Digests of the payloads that the bodies of these events may have as `previous`.
    """

    made: list[NewWebhookEvent]
    left: list[Match]
    previous: set[bytes]


class RenderedMatch(NamedTuple):
    """A match with the result of its query."""

    match: Match
    result: Rendering


async def judge_results(conn: Connection, ready: Sequence[RenderedMatch], filters: FilterBatch) -> Judgement:
    """Decide for each result whether it is sent and what it supersedes.

    When the batch's filter time is used up, results of webhooks with a filter are left. All changes of one entity for
    one webhook stay together.
    """
    subjects = [_subject(match) for match, _ in ready]
    prior = await webhook_events.list_given(conn, list(dict.fromkeys(subjects))) if subjects else {}
    if unsure := _list_unsure(ready, prior):
        # Lock first. If a worker sends the waiting events while we decide, we could drop a destroy that the
        # subscriber needs, send a second create, or leave an older state as the last one.
        await webhook_events.lock_waiting(conn, unsure)
        again = await webhook_events.list_given(conn, unsure)
        prior |= {subject: again.get(subject, []) for subject in unsure}
    unheard = await _list_unheard_creations(conn, ready, prior)
    # A change is described once for each owner, however many webhooks it is sent to.
    changes = {(id(one.change), one.viewer): one.change for one, _ in ready}
    described = {key: _changed(key[1], change) for key, change in changes.items()}
    judgement = Judgement(made=[], left=[], previous=set())
    last: Subject | None = None
    is_left = False
    for (match, result), subject in zip(ready, subjects, strict=True):
        if subject != last:
            last, is_left = subject, match.webhook.filter is not None and filters.is_spent
        if is_left:
            judgement.left.append(match)
            continue
        before = prior.get(subject, ())
        operation = WebhookEventName.CREATE if subject in unheard else match.change.operation
        verdict = judge(
            match.webhook,
            operation,
            result.digest,
            before,
            is_comparable=result.is_comparable,
            is_forced=match.is_forced,
        )
        changed = join_superseded(before, verdict, described[id(match.change), match.viewer])
        verdict = await apply_filter(filters, match, verdict, response=result.body, changed=changed)
        judgement.made.append(_event(match, result, verdict, changed))
        if match.webhook.include_previous and verdict.state is WebhookEventState.PENDING:
            judgement.previous.update(_list_previous(before))
    return judgement


def _list_previous(prior: Sequence[PriorEvent]) -> set[bytes]:
    """Return the digests of the payloads of which the subscriber may have confirmed one before it gets a new event.

    Whichever it is by then, the first claim of the new event decides (claim_webhook_events.sql). Of the events that are
    still open, the last but one may be in flight while the last one is superseded.
    """
    last = [one for one in prior if one.state is WebhookEventState.DELIVERED]
    still_open = [one for one in prior if one.state is not WebhookEventState.DELIVERED]
    return {one.payload_digest for one in (*last, *still_open[:2]) if one.payload_digest is not None}


async def _list_unheard_creations(
    conn: Connection, ready: Sequence[RenderedMatch], prior: Mapping[Subject, Sequence[PriorEvent]]
) -> set[Subject]:
    """Return the updates of entities whose creation was not sent to a webhook that is still catching up."""
    behind: dict[str, list[Match]] = {}
    for match, _ in ready:
        is_update = match.change.operation is WebhookEventName.UPDATE
        is_behind = match.webhook.missed_since is not None and WebhookEventName.CREATE in match.webhook.event_names
        if is_behind and is_update and not may_know(prior.get(_subject(match), ())):
            behind.setdefault(match.change.entity_type, []).append(match)
    unheard: set[Subject] = set()
    for entity_type, matches in behind.items():
        created = await list_created(conn, entity_type, {match.change.entity_id for match in matches})
        for match in matches:
            assert match.webhook.missed_since is not None
            if created.get(match.change.entity_id, 0) > match.webhook.missed_since:
                unheard.add(_subject(match))
    return unheard


def _event(match: Match, result: Rendering, verdict: Verdict, changed: Mapping[str, ParsedJson]) -> NewWebhookEvent:
    return NewWebhookEvent(
        webhook_id=match.webhook.id,
        entity_type=match.change.entity_type,
        entity_id=match.change.entity_id,
        event_name=verdict.event_name,
        state=_state(match.webhook, verdict.state),
        reason=verdict.reason,
        payload_digest=result.digest if verdict.state is WebhookEventState.PENDING else None,
        changed=orjson.dumps(changed),
        changed_at=match.change.changed_at,
        supersedes=(*verdict.supersedes, *match.replaces),
        may_be_known=verdict.may_be_known,
    )


def _subject(match: Match) -> Subject:
    return match.webhook.id, match.change.entity_type, match.change.entity_id


def _list_unsure(ready: Sequence[RenderedMatch], prior: Mapping[Subject, Sequence[PriorEvent]]) -> list[Subject]:
    """Return the subjects whose verdict depends on whether waiting events are sent meanwhile."""
    found: dict[Subject, None] = {}
    for match, result in ready:
        before = prior.get(_subject(match), ())
        if before and (
            match.change.operation is not WebhookEventName.UPDATE
            or awaits_creation(before)
            or (len(before) > 1 and returns_to(before, result.digest))
        ):
            found[_subject(match)] = None
    return list(found)


def _state(webhook: Subscription, judged: NewState) -> NewState:
    """Return HELD instead of PENDING for a disabled webhook: the event is sent once the webhook is enabled again."""
    is_held = judged is WebhookEventState.PENDING and not webhook.is_enabled
    return WebhookEventState.HELD if is_held else judged


def _changed(viewer: Viewer, change: Change) -> JsonObject:
    try:
        return describe_changes(schema._schema, viewer, change.entity_type, change.changes, is_cut=change.is_cut)
    except Exception as error:
        # An event with an incomplete `changed` is better than none.
        _log.exception("publish.changes_not_described", entity_type=change.entity_type, error=repr(error))
        return {"added": [], "updated": [], "removed": [], "cut": True}


def make_unrendered_event(one: UnrenderedMatch) -> NewWebhookEvent:
    """Make the webhook event that records why a change was not sent."""
    change = one.change
    return NewWebhookEvent(
        webhook_id=one.webhook.id,
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        event_name=change.operation,
        state=one.state,
        reason=one.reason,
        payload_digest=None,
        changed=orjson.dumps(_changed(one.viewer, change)),
        changed_at=change.changed_at,
        supersedes=one.replaces,
    )
