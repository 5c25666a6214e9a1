"""A webhook's filter, applied to what dedup would send."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.webhooks.cel.filters import FilterBatch
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_filter import FAILED, FALSE, event_of
from schema.entities import global_ids
from workers.publish.deduplication import Verdict
from workers.publish.match import Match


async def filtered(
    filters: FilterBatch, match: Match, verdict: Verdict, *, response: bytes, changed: Mapping[str, Any]
) -> Verdict:
    """The verdict, SKIPPED where the filter is false; a filter that fails lets pass, and the reason says so.

    What waits is not superseded by what is filtered out: it was worth telling when it was rendered.
    """
    text = match.webhook.filter
    if text is None or verdict.state is not WebhookEventState.PENDING:
        return verdict
    entity_id = global_ids.encode(match.change.entity_type, match.change.entity_id)
    event = event_of(match.webhook.type, verdict.event_name, entity_id, changed)
    decided = await filters.evaluate(text, event, response, owner=match.webhook.seller_id)
    if not decided.passes:
        return replace(verdict, state=WebhookEventState.SKIPPED, reason=FALSE, supersedes=())
    return verdict if decided.error is None else replace(verdict, reason=f"{FAILED}{decided.error}")
