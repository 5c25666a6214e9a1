"""The messages of a PULL webhook: take, acknowledge and reject them; and a webhook for the time of one command."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from app.tools.remote.api import RemoteApi
from app.tools.remote.errors import RemoteError, WrongRequest

#: Seconds of a long poll, as many as the API allows.
WAIT_S: Final = 30
#: Seconds for which the command's end tries to delete the webhook that it has made.
_DELETE_S: Final = 10

_MESSAGE = "id body headers { name value }"
_WEBHOOK = "id legacyId type eventNames"
_FIND = f"query($id: ID!) {{ node(id: $id) {{ ... on Webhook {{ {_WEBHOOK} delivery enabled }} }} }}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One webhook event as it was handed over: what a POST of it would carry.

    Attributes:
        id: The id of this handing over. The event's own is in the header `webhook-id`.
    """

    id: str
    body: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullWebhook:
    """A webhook whose messages are taken.

    Attributes:
        secret: The signing secret; None where it is the caller's to know.
    """

    id: str
    number: int
    type: str
    event_names: tuple[str, ...]
    secret: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSource:
    """The messages of one PULL webhook."""

    api: RemoteApi
    webhook: PullWebhook

    async def take(self, *, first: int, lease_s: int) -> list[Message]:
        """Return at most `first` messages; empty if none came within WAIT_S.

        Args:
            lease_s: Seconds until what was not acknowledged is handed over again.
        """
        wanted = {"webhookId": self.webhook.id, "first": first, "leaseSeconds": lease_s, "waitSeconds": WAIT_S}
        payload = await self.api.submit("webhookMessagesTake", f"messages {{ {_MESSAGE} }}", wanted, wait_s=WAIT_S)
        return [_message(one) for one in payload["messages"]]

    async def acknowledge(self, messages: Sequence[Message]) -> set[str]:
        """End messages as delivered. Return the ids of those whose lease has ended before."""
        payload = await self.api.change(
            "webhookMessagesAcknowledge",
            "expiredIds",
            webhookId=self.webhook.id,
            ids=[message.id for message in messages],
        )
        return set(payload["expiredIds"])

    async def reject(self, message: Message, reason: str, *, retry_after_s: int | None) -> set[str]:
        """End a message as failed, so that it is tried again. Return its id if its lease has ended before.

        Args:
            retry_after_s: Seconds until the next try; None: as the webhook's retries are spaced.
        """
        payload = await self.api.change(
            "webhookMessagesReject",
            "expiredIds",
            webhookId=self.webhook.id,
            ids=[message.id],
            reason=reason,
            retryAfterSeconds=retry_after_s,
        )
        return set(payload["expiredIds"])


@asynccontextmanager
async def temporary_webhook(api: RemoteApi, attributes: Mapping[str, object]) -> AsyncIterator[PullWebhook]:
    """Make a webhook for as long as the context is open.

    If it can't be deleted at the end, the API deletes it an hour after its messages were last asked for.

    Args:
        attributes: The attributes of webhookCreate, without `delivery`.
    """
    # A request whose answer was lost is sent again. The key sees to it that only one webhook is made.
    once = {"Idempotency-Key": str(uuid4())}
    given = {"attributes": {**attributes, "delivery": "PULL", "temporary": True}}
    payload = await api.submit("webhookCreate", f"hmacKey webhook {{ {_WEBHOOK} }}", given, headers=once)
    webhook = _webhook(payload["webhook"], payload["hmacKey"])
    try:
        yield webhook
    finally:
        api.end_within(_DELETE_S)
        try:
            await api.change("webhookDelete", "webhook { id }", webhookId=webhook.id)
            api.say(f"the temporary webhook {webhook.number} is deleted")
        except RemoteError as error:
            api.say(f"the temporary webhook {webhook.number} could not be deleted: {error.message}")
            api.say("Tellgraph deletes it when nobody has asked for its messages for an hour.")


async def find_webhook(api: RemoteApi, webhook_id: str) -> PullWebhook:
    """Return a webhook that is pulled.

    Raises:
        RemoteError: There is no such webhook, or it is disabled.
        WrongRequest: Its events are POSTed.
    """
    node = (await api.ask(_FIND, id=webhook_id))["node"]
    if not node:
        raise RemoteError("There is no such webhook, or it is not this key's to see.")
    if node["delivery"] != "PULL":
        raise WrongRequest(
            f"Webhook {node['legacyId']} has the delivery {node['delivery']}: its events are POSTed to its URL, and"
            " nobody can take them. Listen with --type and --query instead, or make one with `delivery: PULL`."
        )
    if not node["enabled"]:
        raise RemoteError(f"Webhook {node['legacyId']} is disabled: enable it, and what is held can be taken.")
    return _webhook(node, None)


def _webhook(node: Mapping[str, Any], secret: str | None) -> PullWebhook:
    event_names = tuple(node["eventNames"])
    return PullWebhook(
        id=node["id"], number=node["legacyId"], type=node["type"], event_names=event_names, secret=secret
    )


def _message(node: Mapping[str, Any]) -> Message:
    headers = tuple((header["name"], header["value"]) for header in node["headers"])
    return Message(id=node["id"], body=node["body"].encode(), headers=headers)
