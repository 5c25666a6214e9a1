"""The entity's last recorded change in a dry run: whether a webhook would have been sent it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import strawberry
from strawberry.scalars import JSON

from app.auth.viewers import Viewer
from app.capture.entity_changes import EntityChange, list_entity_changes
from app.kernel.parsed_json import JsonObject
from app.webhooks.cel.filters import FilterResult
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED
from app.webhooks.domain.webhook_filter import FAILED, FALSE
from schema.engine.context import Info
from schema.enums.webhooks import WebhookEventEnum
from schema.stored.changed import describe_changes
from schema.stored.explain import list_owned
from schema.stored.visible_changes import find_visible_part

#: Changes that are looked at: the newest ones may be none that the viewer may know of.
_LOOKED_AT = 20

#: Evaluate the filter for a kind of change and its `changed`. None without a filter.
Filtering = Callable[[WebhookEventName, JsonObject], Awaitable[FilterResult | None]]


@strawberry.type(description="The entity's last recorded change, judged for a webhook as the dry run describes it.")
class WebhookDryRunChange:
    recorded_at: datetime = strawberry.field(description="The time at which the change was recorded.")
    operation: WebhookEventEnum = strawberry.field(description="What happened to the entity.")
    changed: JSON = strawberry.field(
        description="The changed paths, in the form of `changed` of the body: added, updated, removed."
    )
    is_sent: bool = strawberry.field(
        description="Whether the webhook would have been sent it. The filter is tried on the present payload."
    )
    reason: str | None = strawberry.field(
        description="Why it would not have been sent, or why the filter failed; null without a reason."
    )


async def judge_last_change(
    info: Info,
    viewer: Viewer,
    klass: WebhookKlass,
    entity_id: int,
    *,
    watched: frozenset[str],
    has_triggers: bool,
    event_names: frozenset[WebhookEventName],
    filtering: Filtering,
) -> WebhookDryRunChange | None:
    """Judge the last change that the viewer may know of. None if no such change is kept.

    Args:
        viewer: The owner of the webhook.
        watched: The columns of the triggers, or else of the query.
        event_names: The kinds of change that the webhook would ask for.
    """
    change = await _find_last(info, viewer, klass, entity_id)
    if change is None:
        return None
    part = find_visible_part(viewer, change)
    assert part is not None, "what the viewer may not know of is left out"
    changed: Any = describe_changes(
        info.schema._schema, viewer, klass.entity_type, part.changes, is_cut=change.is_cut
    )  # the scalar takes any JSON
    is_sent, reason = False, None
    if change.operation not in event_names:
        reason = f"Its kind is {change.operation}, which `eventNames` leave out."
    elif change.operation is WebhookEventName.UPDATE and watched.isdisjoint(part.columns):
        reason = UNTRIGGERED if has_triggers else UNWATCHED
    else:
        verdict = await filtering(change.operation, changed)
        is_sent = verdict is None or verdict.passes
        reason = _reason(verdict)
    return WebhookDryRunChange(
        recorded_at=change.recorded_at, operation=change.operation, changed=changed, is_sent=is_sent, reason=reason
    )


async def _find_last(info: Info, viewer: Viewer, klass: WebhookKlass, entity_id: int) -> EntityChange | None:
    changes = await list_entity_changes(info.context.reader, klass.entity_type, entity_id, limit=_LOOKED_AT)
    owned = list_owned(klass.entity_type, changes, viewer.seller_id, is_seen=True)
    return next((one for one, is_owned in zip(changes, owned, strict=True) if is_owned), None)


def _reason(verdict: FilterResult | None) -> str | None:
    if verdict is None:
        return None
    return f"{FAILED}{verdict.error}" if verdict.error else None if verdict.passes else FALSE
