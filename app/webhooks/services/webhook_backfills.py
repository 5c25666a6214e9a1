"""Backfills: asked for and cancelled here, moved on by workers."""

from collections.abc import Callable
from datetime import datetime

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Conflict, InvalidInput
from app.webhooks.db import webhook_backfills, webhooks
from app.webhooks.db.webhook_backfills import WebhookBackfill, WebhookBackfillId
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_run import WebhookRunState
from app.webhooks.services.webhook_klasses import event_names

DEFAULT_RATE_PER_S = 10
MAX_RATE_PER_S = 500


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
    """Have workers send the present state of all entities that the webhook's owner sees and that fit.

    filters  as JSON, of the caller, who has the schema; `check` raises InvalidInput where the webhook can't take them.
    Raises: InvalidInput; NotFound, also for another seller's; Conflict while another backfill of it goes on, and for
    entities that have no state of their own.
    """
    rate = DEFAULT_RATE_PER_S if rate_per_second is None else rate_per_second
    if not 1 <= rate <= MAX_RATE_PER_S:
        raise InvalidInput.at("rate_per_second", f"must be from 1 to {MAX_RATE_PER_S}")
    if updated_since is not None and updated_until is not None and updated_since >= updated_until:
        raise InvalidInput.at("updated_until", "must be later than the time since when")
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        if WebhookEventName.UPDATE not in event_names(webhook.type):
            raise Conflict(f"A webhook about {webhook.type.value} is not backfilled: what happened can be asked for.")
        check(webhook)
        if await webhook_backfills.is_running(conn, webhook_id):
            raise Conflict("Another backfill of this webhook is still going on.")
        return await webhook_backfills.insert_backfill(
            conn,
            webhook_id,
            updated_since=updated_since,
            updated_until=updated_until,
            filters=filters,
            rate_per_second=rate,
            is_forced=is_forced,
        )


async def cancel_backfill(database: Database, viewer: Viewer, *, backfill_id: WebhookBackfillId) -> WebhookBackfill:
    """End a backfill; what it has published by now goes out. One that is cancelled already stays as it is.

    Raises NotFound, also for another seller's; Conflict when it has come to its end.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        backfill = await webhook_backfills.lock_backfill(conn, backfill_id, seller_id=viewer.seller_id)
        if backfill.state is WebhookRunState.CANCELLED:
            return backfill
        if backfill.state is not WebhookRunState.RUNNING:
            raise Conflict(f"This backfill is {backfill.state.value}: there is nothing to cancel.")
        return await webhook_backfills.finish(conn, backfill_id, WebhookRunState.CANCELLED)
