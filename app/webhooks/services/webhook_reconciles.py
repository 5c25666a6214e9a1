"""Start and cancel reconciles. Workers move them on; the sweep starts those that are due."""

from collections.abc import Sequence

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import Conflict, InvalidInput
from app.webhooks.db import webhooks
from app.webhooks.db.runs.webhook_reconciles import OF_EVERYTHING, RUNS, WebhookReconcile, WebhookReconcileId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook import WebhookEventName
from app.webhooks.domain.webhook_run import MAX_RATE_PER_S
from app.webhooks.services.webhook_klasses import possible_event_names

#: Reconciles of named entities that one webhook may have at once.
MAX_OF_NAMED = 20


async def start_reconcile(
    database: Database,
    viewer: Viewer,
    *,
    webhook_id: WebhookId,
    entity_ids: Sequence[int] | None = None,
    rate_per_second: int | None = None,
) -> WebhookReconcile:
    """Have workers send what the receiver of a webhook has not got, or has got differently.

    Args:
        database: The database.
        viewer: The viewer who starts it.
        webhook_id: The webhook.
        entity_ids: The entities that are sent again, whatever the webhook was given; None: all are compared.
        rate_per_second: Entities per second, 1 to 500; None: 500.

    Raises:
        InvalidInput: An argument is out of range.
        NotFound: There is no such webhook, or it is another seller's.
        Conflict: Another reconcile of everything is running, or too many of named entities; or the webhook's entities
            have no present state.
    """
    rate = MAX_RATE_PER_S if rate_per_second is None else rate_per_second
    if not 1 <= rate <= MAX_RATE_PER_S:
        raise InvalidInput.at("rate_per_second", f"must be from 1 to {MAX_RATE_PER_S}")
    if entity_ids is not None and not entity_ids:
        raise InvalidInput.at("entity_ids", "must name at least one: leave it out to compare everything")
    async with transaction(database, actor=viewer.actor) as conn:
        webhook = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        if WebhookEventName.UPDATE not in possible_event_names(webhook.type):
            raise Conflict(f"A webhook about {webhook.type.value} is not reconciled: what happened can be asked for.")
        # What a receiver names need not wait for a long comparison of everything.
        if entity_ids is None:
            await RUNS.check_few_run(conn, webhook_id, where=OF_EVERYTHING)
        else:
            await RUNS.check_few_run(conn, webhook_id, where=f"not ({OF_EVERYTHING})", most=MAX_OF_NAMED)
        return await RUNS.insert(
            conn,
            {
                "webhook_id": webhook_id,
                "entity_ids": None if entity_ids is None else sorted(set(entity_ids)),
                "rate_per_second": rate,
            },
        )


async def cancel_reconcile(database: Database, viewer: Viewer, *, reconcile_id: WebhookReconcileId) -> WebhookReconcile:
    """Cancel a reconcile. Events that it has made are still sent. A cancelled reconcile is returned as it is.

    Raises:
        NotFound: There is no such reconcile, or it is another seller's.
        Conflict: It has ended.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        return await RUNS.cancel(conn, reconcile_id, seller_id=viewer.seller_id)
