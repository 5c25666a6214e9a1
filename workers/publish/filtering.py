"""Apply a webhook's filter to the events that deduplication would send."""

from collections.abc import Mapping
from dataclasses import replace

from app.kernel.parsed_json import ParsedJson
from app.webhooks.cel.filters import FilterBatch
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_filter import FAILED, FALSE, event_of
from app.webhooks.services.deduplication import Verdict
from schema.entities import global_ids
from workers.publish.match import Match


async def apply_filter(
    filters: FilterBatch, match: Match, verdict: Verdict, *, response: bytes, changed: Mapping[str, ParsedJson]
) -> Verdict:
    """Return the verdict, changed to SKIPPED if the filter is false. If the filter fails, the event is sent anyway.

    A filtered event supersedes no waiting ones: each of them passed the filter when it was rendered.
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
