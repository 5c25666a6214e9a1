"""webhookDelete, webhookResume, webhookSecretRotate, webhookBackfill, webhookBackfillCancel."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Scope, Viewer
from app.webhooks.db.runs.webhook_backfills import WebhookBackfillId
from app.webhooks.services import webhook_backfills, webhook_deletions, webhook_events, webhook_secrets
from schema.engine.context import Info
from schema.entities import global_ids
from schema.filters.conditions import value_or_none
from schema.filters.webhooks import webhook_backfills as backfill_filters
from schema.filters.webhooks.webhook_backfills import WebhookBackfillFilters
from schema.mutations.inputs import optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.mutations.webhooks.webhook_inputs import IF_UPDATED_AT, moment, webhook_id_of
from schema.types.webhooks.webhook import Webhook
from schema.types.webhooks.webhook_run import WebhookBackfill


@strawberry.input(description="Input of webhookDelete.")
class WebhookDeleteMutationInput:
    webhook_id: strawberry.ID = required("The webhook to delete.")
    if_updated_at: datetime | None = optional(IF_UPDATED_AT)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookResume.")
class WebhookResumeMutationInput:
    webhook_id: strawberry.ID = required("The webhook whose waiting events are sent now.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookSecretRotate.")
class WebhookSecretRotateMutationInput:
    webhook_id: strawberry.ID = required("The webhook that is to sign with new secrets.")
    hmac_key: str | None = optional(
        "The new signing secret, `whsec_` and base64 of 24 to 64 bytes; absent: one is generated."
    )
    overlap_seconds: int | None = optional(
        "Seconds for which the old secrets sign, too: 0 to 2,592,000 (30 days). 86,400 (one day) by default."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookBackfill.")
class WebhookBackfillMutationInput:
    webhook_id: strawberry.ID = required("The webhook to send to.")
    updated_since: datetime | None = optional("Only entities changed at this time or later.")
    updated_until: datetime | None = optional("Only entities changed before this time.")
    filters: WebhookBackfillFilters | None = optional(
        "Only entities that meet these filters at the time they are sent. Absent: all entities that the webhook's owner"
        " sees."
    )
    rate_per_second: int | None = optional("Entities published per second, 1 to 500. 10 by default.")
    force: bool | None = optional("Send results equal to the last one, too. False by default.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookBackfillCancel.")
class WebhookBackfillCancelMutationInput:
    webhook_backfill_id: strawberry.ID = required("The backfill to end.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookDelete.")
class WebhookDeleteMutationPayload(MutationPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The deleted webhook; null on errors.")


@strawberry.type(description="Answer of webhookResume.")
class WebhookResumeMutationPayload(MutationPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook, not paused; null on errors.")


@strawberry.type(description="Answer of webhookSecretRotate.")
class WebhookSecretRotateMutationPayload(MutationPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The webhook; null on errors.")
    hmac_key: str | None = strawberry.field(
        default=None,
        description="The generated signing secret. It is shown this once; null when you gave one yourself.",
    )


@strawberry.type(description="Answer of webhookBackfill.")
class WebhookBackfillMutationPayload(MutationPayload):
    webhook_backfill: WebhookBackfill | None = strawberry.field(
        default=None, description="The backfill, to ask for its progress; null on errors."
    )


@strawberry.type(description="Answer of webhookBackfillCancel.")
class WebhookBackfillCancelMutationPayload(MutationPayload):
    webhook_backfill: WebhookBackfill | None = strawberry.field(
        default=None, description="The backfill, which is cancelled; null on errors."
    )


@strawberry.type
class WebhookControlMutations:
    @strawberry.field(
        description="Delete a webhook. Events that were not sent yet are cancelled. Its events can still be read by"
        " `webhookEvents(webhookId:)`."
    )
    async def webhook_delete(
        self,
        info: Info,
        input: Annotated[WebhookDeleteMutationInput, strawberry.argument(description="The webhook to delete.")],
    ) -> WebhookDeleteMutationPayload | None:
        async def delete(database: Database, viewer: Viewer) -> Mapping[str, object]:
            deleted = await webhook_deletions.delete_webhook(
                database,
                viewer,
                webhook_id=webhook_id_of(input.webhook_id),
                if_updated_at=moment(input.if_updated_at, field="ifUpdatedAt"),
            )
            return {"webhook": deleted}

        return await run_mutation(info, WebhookDeleteMutationPayload, input, delete, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Send all waiting events now: every RETRYING event of the webhook is due at once and gets one"
            " more attempt. A pause that the endpoint has asked for ends. If there are more than 10,000 events, the"
            " others become due within the next minutes. While the webhook is disabled, `status` is 409: enabling it"
            " sends the HELD events."
        )
    )
    async def webhook_resume(
        self,
        info: Info,
        input: Annotated[WebhookResumeMutationInput, strawberry.argument(description="The webhook to resume.")],
    ) -> WebhookResumeMutationPayload | None:
        async def resume(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id = webhook_id_of(input.webhook_id)
            return {"webhook": await webhook_events.resume_webhook(database, viewer, webhook_id=webhook_id)}

        return await run_mutation(info, WebhookResumeMutationPayload, input, resume, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description="Sign with new secrets, one for each scheme of the webhook. The old ones sign, too, for a while, so"
        " that you can change over without losing a delivery."
    )
    async def webhook_secret_rotate(
        self,
        info: Info,
        input: Annotated[
            WebhookSecretRotateMutationInput, strawberry.argument(description="The webhook and its new secrets.")
        ],
    ) -> WebhookSecretRotateMutationPayload | None:
        async def rotate(database: Database, viewer: Viewer) -> Mapping[str, object]:
            rotated = await webhook_secrets.rotate_secret(
                database,
                viewer,
                info.context.settings,
                webhook_id=webhook_id_of(input.webhook_id),
                hmac_key=value_or_none(input.hmac_key),
                overlap_s=value_or_none(input.overlap_seconds),
            )
            return {"webhook": rotated.webhook, "hmac_key": rotated.hmac_key}

        return await run_mutation(info, WebhookSecretRotateMutationPayload, input, rotate, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Send the present state of entities as updates, at a set rate: of all that the webhook's owner"
            " sees and that meet the filters. Workers do it while the webhook is enabled. A webhook has one running"
            " backfill at a time. `Webhook.backfills` shows its progress, `webhookBackfillCancel` ends it. Not for"
            " webhooks about OPERATIONAL_EVENT."
        )
    )
    async def webhook_backfill(
        self,
        info: Info,
        input: Annotated[
            WebhookBackfillMutationInput, strawberry.argument(description="The entities to send, and the rate.")
        ],
    ) -> WebhookBackfillMutationPayload | None:
        async def start(database: Database, viewer: Viewer) -> Mapping[str, object]:
            filters: WebhookBackfillFilters | None = value_or_none(input.filters)
            started = await webhook_backfills.start_backfill(
                database,
                viewer,
                webhook_id=webhook_id_of(input.webhook_id),
                updated_since=moment(input.updated_since, field="updatedSince"),
                updated_until=moment(input.updated_until, field="updatedUntil"),
                rate_per_second=value_or_none(input.rate_per_second),
                is_forced=bool(value_or_none(input.force)),
                filters=None if filters is None else backfill_filters.to_text(filters),
                check=lambda webhook: backfill_filters.ask(Viewer(webhook.seller_id), webhook.type, filters),
            )
            return {"webhook_backfill": started}

        return await run_mutation(info, WebhookBackfillMutationPayload, input, start, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "End a backfill. Events that it has published are sent. Cancelling it again changes nothing. If"
            " it has finished, `status` is 409."
        )
    )
    async def webhook_backfill_cancel(
        self,
        info: Info,
        input: Annotated[WebhookBackfillCancelMutationInput, strawberry.argument(description="The backfill to end.")],
    ) -> WebhookBackfillCancelMutationPayload | None:
        async def cancel(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = global_ids.key_of(input.webhook_backfill_id, "WebhookBackfill", field="webhookBackfillId")
            ended = await webhook_backfills.cancel_backfill(database, viewer, backfill_id=WebhookBackfillId(key))
            return {"webhook_backfill": ended}

        return await run_mutation(info, WebhookBackfillCancelMutationPayload, input, cancel, scope=Scope.WEBHOOKS)
