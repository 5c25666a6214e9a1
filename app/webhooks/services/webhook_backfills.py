"""Start and cancel backfills. Workers move them on."""

from collections.abc import Callable
from datetime import datetime

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Conflict, InvalidInput
from app.webhooks.db import webhooks
from app.webhooks.db.runs.webhook_backfills import RUNS, WebhookBackfill, WebhookBackfillId
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_run import MAX_RATE_PER_S
from app.webhooks.services.webhook_klasses import possible_event_names

DEFAULT_RATE_PER_S = 10


async def start_backfill(
    database: Database,
    viewer: Viewer,
    *,
    webhook_id: WebhookId,
    updated_since: datetime | None,
    updated_until: datetime | None,
    rate_per_second: int | None,
    is_forced: bool,
    filters: str | None = None,
    check: Callable[[Webhook], object] = lambda _: None,
) -> WebhookBackfill:
    """Have workers send the present state of the entities that the webhook's owner sees and the filters select.

    Args:
        database: The database.
        viewer: The viewer who starts it.
        webhook_id: The webhook.
        updated_since: Only entities updated at this time or later; None: all.
        updated_until: Only entities updated before this time; None: all.
        rate_per_second: Entities per second, 1 to 500; None: 10.
        is_forced: Whether results are sent that equal the last ones.
        filters: Filters as JSON, which the caller has checked; None: none.
        check: Raises InvalidInput if the filters do not fit the webhook.

    Raises:
        InvalidInput: An argument is out of range.
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: Another backfill of the webhook is running, or its entities have no present state.
    """
    rate = DEFAULT_RATE_PER_S if rate_per_second is None else rate_per_second
    if not 1 <= rate <= MAX_RATE_PER_S:
        raise InvalidInput.at("rate_per_second", f"must be from 1 to {MAX_RATE_PER_S}")
    if updated_since is not None and updated_until is not None and updated_since >= updated_until:
        raise InvalidInput.at("updated_until", "must be later than the time since when")
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        if WebhookEventName.UPDATE not in possible_event_names(webhook.type):
            raise Conflict(f"A webhook about {webhook.type.value} is not backfilled: what happened can be asked for.")
        check(webhook)
        await RUNS.check_few_run(conn, webhook_id)
        return await RUNS.insert(
            conn,
            {
                "webhook_id": webhook_id,
                "updated_since": updated_since,
                "updated_until": updated_until,
                "filters": filters,
                "rate_per_second": rate,
                "is_forced": is_forced,
            },
        )


async def cancel_backfill(database: Database, viewer: Viewer, *, backfill_id: WebhookBackfillId) -> WebhookBackfill:
    """Cancel a backfill. Events that it has published are still sent. A cancelled backfill is returned as it is.

    Raises:
        NotFound: There is no such backfill, or it is another seller's.
        Conflict: It has ended.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        return await RUNS.cancel(conn, backfill_id, seller_id=viewer.seller_id)
