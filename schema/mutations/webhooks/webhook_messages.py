"""webhookMessagesTake, webhookMessagesAcknowledge, webhookMessagesReject, webhookMessagesExtend."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

import strawberry
from databases import Database
from strawberry.types.nodes import FragmentSpread, InlineFragment, SelectedField, Selection

from app.auth.viewers import Scope, Viewer
from app.webhooks.services import messages
from app.webhooks.services.messages import MAX_LEASE_S, MAX_REASON_CHARS, MAX_TAKEN, MAX_WAIT_S, MessageId
from schema.engine.context import Info
from schema.filters.conditions import value_or_none
from schema.mutations.inputs import optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_unrecorded
from schema.mutations.webhooks.webhook_inputs import webhook_id_of
from schema.stored.messages import AnswerRoom, decode_message_ids, encode_message_id, take_messages
from schema.types.webhooks.webhook_message import WebhookMessage, shown_messages

_WEBHOOK = "The webhook, whose `delivery` is PULL."
_IDS = "Ids of messages, at most 500."
_EXPIRED = "Ids of messages whose attempts had ended before. Nothing was changed for them."


@strawberry.input(description="Input of webhookMessagesTake.")
class WebhookMessagesTakeMutationInput:
    webhook_id: strawberry.ID = required(_WEBHOOK)
    first: int = strawberry.field(default=100, description=f"How many messages at most, 1 to {MAX_TAKEN}.")
    lease_seconds: int = strawberry.field(
        default=60, description=f"Seconds until a message that is not settled is handed over again, 1 to {MAX_LEASE_S}."
    )
    wait_seconds: int = strawberry.field(
        default=0,
        description=f"Seconds to wait for a message if there is none, 0 to {MAX_WAIT_S}. Over a websocket or an event"
        " stream it does not wait: the subscription `webhookMessages` is for these.",
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookMessagesTake.")
class WebhookMessagesTakeMutationPayload(MutationPayload):
    messages: list[WebhookMessage] | None = strawberry.field(
        default=None,
        description="The messages, in the order of their sequence; empty if there are none; null on errors.",
    )


@strawberry.input(description="Input of webhookMessagesAcknowledge.")
class WebhookMessagesAcknowledgeMutationInput:
    webhook_id: strawberry.ID = required(_WEBHOOK)
    ids: list[strawberry.ID] = required(_IDS)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookMessagesAcknowledge.")
class WebhookMessagesAcknowledgeMutationPayload(MutationPayload):
    acknowledged_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the messages that are acknowledged now; null on errors."
    )
    expired_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=f"{_EXPIRED} null on errors.")


@strawberry.input(description="Input of webhookMessagesReject.")
class WebhookMessagesRejectMutationInput:
    webhook_id: strawberry.ID = required(_WEBHOOK)
    ids: list[strawberry.ID] = required(_IDS)
    reason: str | None = optional(f"Why, for whoever reads the attempts; the first {MAX_REASON_CHARS} characters.")
    retry_after_seconds: int | None = optional(
        "Seconds until the next attempt, at most a day, if they are more than the schedule's; null: as scheduled."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookMessagesReject.")
class WebhookMessagesRejectMutationPayload(MutationPayload):
    rejected_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Ids of the messages that are rejected now; null on errors."
    )
    expired_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=f"{_EXPIRED} null on errors.")


@strawberry.input(description="Input of webhookMessagesExtend.")
class WebhookMessagesExtendMutationInput:
    webhook_id: strawberry.ID = required(_WEBHOOK)
    ids: list[strawberry.ID] = required(_IDS)
    lease_seconds: int = strawberry.field(
        default=60, description=f"Seconds from now until the new end of the leases, 1 to {MAX_LEASE_S}."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="The lease of a message.")
class WebhookMessageLease:
    id: strawberry.ID = strawberry.field(description="Id of the message.")
    lease_until: datetime = strawberry.field(description="When the lease ends now.")


@strawberry.type(description="Answer of webhookMessagesExtend.")
class WebhookMessagesExtendMutationPayload(MutationPayload):
    messages: list[WebhookMessageLease] | None = strawberry.field(
        default=None, description="The messages whose leases were extended; null on errors."
    )
    expired_ids: list[strawberry.ID] | None = strawberry.field(default=None, description=f"{_EXPIRED} null on errors.")


@strawberry.type
class WebhookMessageMutations:
    @strawberry.field(
        description=(
            "Take events of a webhook whose `delivery` is PULL: what a worker POSTs for others. Of one entity, the next"
            " event is handed over once the one before it is settled. Each message is yours until `leaseUntil`:"
            " acknowledge or reject it by then. Without either its attempt has failed, and it is handed over again."
            " This needs the scope webhooks, and leaves no audit entry: the attempts say who took what."
        )
    )
    async def webhook_messages_take(
        self,
        info: Info,
        input: Annotated[WebhookMessagesTakeMutationInput, strawberry.argument(description="What to take.")],
    ) -> WebhookMessagesTakeMutationPayload | None:
        context = info.context

        async def take(database: Database, viewer: Viewer) -> Mapping[str, object]:
            messages.check_take(first=input.first, lease_s=input.lease_seconds, wait_s=input.wait_seconds)
            webhook_id, room = webhook_id_of(input.webhook_id), _room(info)

            async def look() -> list[WebhookMessage]:
                taken = await take_messages(
                    database,
                    viewer,
                    context.settings,
                    webhook_id=webhook_id,
                    first=input.first,
                    lease_s=input.lease_seconds,
                    room=room,
                )
                return shown_messages(taken)

            found, waiting, clock = await look(), context.waiting, asyncio.get_running_loop().time
            ends_at = clock() + input.wait_seconds
            while not found and waiting and (left_s := ends_at - clock()) > 0:
                if not await waiting.wait(context.reader, webhook_id, left_s):
                    break
                found = await look()
            return {"messages": found}

        return await run_unrecorded(info, WebhookMessagesTakeMutationPayload, input, take, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description="Acknowledge messages: their events are DELIVERED, and the next ones of their entities may be"
        " taken. A message that comes too late is among `expiredIds`: its event is, or was, handed over again."
    )
    async def webhook_messages_acknowledge(
        self,
        info: Info,
        input: Annotated[WebhookMessagesAcknowledgeMutationInput, strawberry.argument(description="The messages.")],
    ) -> WebhookMessagesAcknowledgeMutationPayload | None:
        async def acknowledge(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id, ids = webhook_id_of(input.webhook_id), decode_message_ids(input.ids)
            done = await messages.acknowledge(database, viewer, webhook_id=webhook_id, ids=ids)
            return {"acknowledged_ids": _encoded(done.settled), "expired_ids": _encoded(done.expired)}

        payload = WebhookMessagesAcknowledgeMutationPayload
        return await run_unrecorded(info, payload, input, acknowledge, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description="Reject messages: their attempts have failed with the kind REJECTED. Their events are handed over"
        " again, as scheduled, until no retries are left."
    )
    async def webhook_messages_reject(
        self,
        info: Info,
        input: Annotated[WebhookMessagesRejectMutationInput, strawberry.argument(description="The messages.")],
    ) -> WebhookMessagesRejectMutationPayload | None:
        async def reject(database: Database, viewer: Viewer) -> Mapping[str, object]:
            done = await messages.reject(
                database,
                viewer,
                webhook_id=webhook_id_of(input.webhook_id),
                ids=decode_message_ids(input.ids),
                reason=value_or_none(input.reason),
                retry_after_s=value_or_none(input.retry_after_seconds),
            )
            return {"rejected_ids": _encoded(done.settled), "expired_ids": _encoded(done.expired)}

        return await run_unrecorded(info, WebhookMessagesRejectMutationPayload, input, reject, scope=Scope.WEBHOOKS)

    @strawberry.field(description="Let the leases of messages end later, or earlier, for work that takes long.")
    async def webhook_messages_extend(
        self,
        info: Info,
        input: Annotated[WebhookMessagesExtendMutationInput, strawberry.argument(description="The messages.")],
    ) -> WebhookMessagesExtendMutationPayload | None:
        async def extend(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = list(dict.fromkeys(decode_message_ids(input.ids)))
            extended = await messages.extend(
                database, viewer, webhook_id=webhook_id_of(input.webhook_id), ids=ids, lease_s=input.lease_seconds
            )
            leases = [
                WebhookMessageLease(id=strawberry.ID(encode_message_id(one)), lease_until=until)
                for one, until in extended.items()
            ]
            return {"messages": leases, "expired_ids": _encoded([one for one in ids if one not in extended])}

        return await run_unrecorded(info, WebhookMessagesExtendMutationPayload, input, extend, scope=Scope.WEBHOOKS)


def _encoded(ids: Sequence[MessageId]) -> list[str]:
    return [encode_message_id(one) for one in ids]


def _room(info: Info) -> AnswerRoom:
    """Return what the answer has room for: how often it shows a body, headers, and other values."""
    shown = [field.name for field in _leaves(info.selected_fields)]
    return AnswerRoom(
        max_bytes=info.context.settings.max_response_bytes,
        bodies=shown.count("body"),
        headers=shown.count("value") + shown.count("name"),
        answers=shown.count("responseBody"),
        leaves=len(shown),
    )


def _leaves(selections: Sequence[Selection]) -> list[SelectedField]:
    found: list[SelectedField] = []
    for one in selections:
        if isinstance(one, SelectedField) and not one.selections:
            found.append(one)
        elif isinstance(one, SelectedField | FragmentSpread | InlineFragment):
            found += _leaves(one.selections)
    return found
