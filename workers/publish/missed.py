"""Record the changes that disabled webhooks miss: once for each entity, without rendering them."""

from collections.abc import Sequence

from app.capture.missed_changes import MissedChange, begin_missing, record_missed
from app.db.pool import Connection
from app.webhooks.domain.webhook import WebhookEventName
from workers.publish.match import Change
from workers.publish.selection import Selection
from workers.publish.subscribing_sellers import Entity


async def record_missed_by(conn: Connection, selection: Selection) -> None:
    """Record the changes of a selection that disabled webhooks miss. The caller has locked its shards.

    A webhook that holds too many events misses changes from now on, and its matches leave the selection.
    """
    missed = dict(selection.missed)
    missed.update(await _take_out_full(conn, selection))
    await record_missed(
        conn, [_recorded(change, selection.list_former_sellers(entity)) for entity, change in missed.items()]
    )


async def _take_out_full(conn: Connection, selection: Selection) -> dict[Entity, Change]:
    holding = list({match.webhook.id for match in selection.matches if not match.webhook.is_enabled})
    full = await begin_missing(conn, holding) if holding else {}
    if not full:
        return {}
    taken_out = [match for match in selection.matches if match.webhook.id in full]
    selection.matches = [match for match in selection.matches if match.webhook.id not in full]
    entities = {(match.change.entity_type, match.change.entity_id) for match in taken_out}
    return {entity: change for entity in entities if (change := selection.fold(entity)) is not None}


def _recorded(change: Change, former_seller_ids: Sequence[int]) -> MissedChange:
    return MissedChange(
        entity_type=change.entity_type,
        entity_id=change.entity_id,
        operation=change.operation,
        is_updated=change.operation is WebhookEventName.UPDATE or change.later is not None,
        columns=change.columns,
        changes=change.changes,
        is_cut=change.is_cut,
        former_seller_ids=former_seller_ids,
        changed_at=change.changed_at,
    )
