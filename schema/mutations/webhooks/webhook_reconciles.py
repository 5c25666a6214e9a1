"""webhookReconcile, webhookReconcileCancel."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Scope, Viewer
from app.db.pool import connection
from app.webhooks.db.runs.webhook_reconciles import WebhookReconcileId
from app.webhooks.db.webhooks import WebhookId, lock_webhook
from app.webhooks.services import webhook_reconciles
from schema.engine.context import Info
from schema.entities import global_ids
from schema.filters.conditions import value_or_none
from schema.mutations.inputs import optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.mutations.webhooks.webhook_inputs import webhook_id_of
from schema.types.webhooks.webhook_run import WebhookReconcile


@strawberry.input(description="Input of webhookReconcile.")
class WebhookReconcileMutationInput:
    webhook_id: strawberry.ID = required("The webhook whose receiver is to have the present state.")
    entity_ids: list[strawberry.ID] | None = optional(
        "Global ids of entities of the webhook's type, at most 500. They are sent again even if nothing has changed."
        " Whatever does not exist for the webhook's owner, or does not pass the filter, gets a `destroy`. Absent: all"
        " entities are compared."
    )
    rate_per_second: int | None = optional("Entities compared per second at most, 1 to 500. 500 by default.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookReconcileCancel.")
class WebhookReconcileCancelMutationInput:
    webhook_reconcile_id: strawberry.ID = required("The reconcile to end.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookReconcile.")
class WebhookReconcileMutationPayload(MutationPayload):
    webhook_reconcile: WebhookReconcile | None = strawberry.field(
        default=None, description="The reconcile, to ask for its progress; null on errors."
    )


@strawberry.type(description="Answer of webhookReconcileCancel.")
class WebhookReconcileCancelMutationPayload(MutationPayload):
    webhook_reconcile: WebhookReconcile | None = strawberry.field(
        default=None, description="The reconcile, which is cancelled; null on errors."
    )


@strawberry.type
class WebhookReconcileMutations:
    @strawberry.field(
        description=(
            "Compare what a webhook was last given with the present state of all that its owner sees, and send only"
            " what differs: a `create` of what was never given, a `destroy` of what is gone. Or send the entities again"
            " that a receiver names. Workers do it while the webhook is enabled. `Webhook.reconciles` shows the"
            " progress, `webhookReconcileCancel` ends it. Not for webhooks about OPERATIONAL_EVENT."
        )
    )
    async def webhook_reconcile(
        self,
        info: Info,
        input: Annotated[
            WebhookReconcileMutationInput, strawberry.argument(description="The webhook, and what to send again.")
        ],
    ) -> WebhookReconcileMutationPayload | None:
        async def start(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id = webhook_id_of(input.webhook_id)
            named: list[strawberry.ID] | None = value_or_none(input.entity_ids)
            started = await webhook_reconciles.start_reconcile(
                database,
                viewer,
                webhook_id=webhook_id,
                entity_ids=None if named is None else await _keys(database, viewer, webhook_id, named),
                rate_per_second=value_or_none(input.rate_per_second),
            )
            return {"webhook_reconcile": started}

        return await run_mutation(info, WebhookReconcileMutationPayload, input, start, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "End a reconcile. Events that it has made are sent. Cancelling it again changes nothing. If it has"
            " finished, `status` is 409."
        )
    )
    async def webhook_reconcile_cancel(
        self,
        info: Info,
        input: Annotated[WebhookReconcileCancelMutationInput, strawberry.argument(description="The reconcile to end.")],
    ) -> WebhookReconcileCancelMutationPayload | None:
        async def cancel(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = global_ids.key_of(input.webhook_reconcile_id, "WebhookReconcile", field="webhookReconcileId")
            ended = await webhook_reconciles.cancel_reconcile(database, viewer, reconcile_id=WebhookReconcileId(key))
            return {"webhook_reconcile": ended}

        return await run_mutation(info, WebhookReconcileCancelMutationPayload, input, cancel, scope=Scope.WEBHOOKS)


async def _keys(database: Database, viewer: Viewer, webhook_id: WebhookId, named: Sequence[str]) -> list[int]:
    """Decode global ids of the webhook's type. Raises InvalidInput, and NotFound for the webhook."""
    async with connection(database) as conn:
        webhook = await lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
    return [global_ids.key_of(one, webhook.type.entity_type, field="entityIds") for one in named]
