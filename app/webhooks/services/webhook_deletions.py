"""Delete webhooks: by a person, or because nobody asks for the messages of a temporary one any more."""

from datetime import datetime
from typing import Final

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.webhooks.db import webhook_event_changes, webhooks
from app.webhooks.db.runs import webhook_backfills, webhook_reconciles, webhook_replays
from app.webhooks.db.taking import webhook_takers
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook_event import WEBHOOK_DELETED
from app.webhooks.services.webhook_handles import check_unchanged

#: Seconds without anybody who takes or waits after which a temporary webhook is deleted, and how many at a time.
ABANDONED_AFTER_S: Final = 3_600
_AT_ONCE: Final = 10


async def delete_webhook(
    database: Database, viewer: Viewer, *, webhook_id: WebhookId, if_updated_at: datetime | None = None
) -> Webhook:
    """Delete a webhook, and cancel its waiting events and its runs. Its history stays.

    Args:
        if_updated_at: When the caller has seen it last changed; None: it is deleted whatever happened meanwhile.

    Raises:
        Conflict: It was changed since then.
        NotFound: There is no such webhook, it is another seller's, or it is deleted already.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        check_unchanged(await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id), if_updated_at)
        return await _delete(conn, webhook_id)


async def delete_abandoned(conn: Connection) -> list[WebhookId]:
    """Delete temporary webhooks that nobody has asked for messages for an hour, some at a time. Return their ids."""
    abandoned = await webhook_takers.lock_abandoned(conn, after_s=ABANDONED_AFTER_S, limit=_AT_ONCE)
    for webhook in abandoned:
        await _delete(conn, webhook.id)
    return [webhook.id for webhook in abandoned]


async def _delete(conn: Connection, webhook_id: WebhookId) -> Webhook:
    """Delete a webhook that the caller has locked."""
    webhook = await webhooks.mark_deleted(conn, webhook_id)
    await webhook_event_changes.cancel_open(conn, webhook_id, WEBHOOK_DELETED)
    for runs in (webhook_backfills.RUNS, webhook_replays.RUNS, webhook_reconciles.RUNS):
        await runs.cancel_running(conn, webhook_id)
    return webhook
