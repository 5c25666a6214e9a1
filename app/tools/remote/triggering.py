"""Have webhooks told of one entity, by the same path as of a change, and see what became of it."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

from app.errors import TellgraphError
from app.kernel.parsed_json import ParsedJson
from app.webhooks.domain.webhook import WebhookKlass

_WEBHOOK = "id legacyId type url delivery enabled seller { id legacyId businessName }"
_WEBHOOKS = f"""
query($types: [WebhookKlassEnum!]) {{ webhooks(filters: {{types: $types}}, first: 100) {{ nodes {{ {_WEBHOOK} }} }} }}
"""
_FIND = f"query($id: ID!) {{ node(id: $id) {{ ... on Webhook {{ {_WEBHOOK} }} }} }}"
_SELLERS = "{ sellers(first: 2) { nodes { id } } }"
_BACKFILL = "query($id: ID!) { node(id: $id) { ... on WebhookBackfill { state reason total createdAt } } }"
_EVENT = "id eventName entityType entityId state reason lastStatus attempts { number status errorKind error }"
_EVENTS = f"""
query($webhookId: ID!, $entityId: ID!, $since: ISO8601DateTime!) {{
  webhookEvents(webhookId: $webhookId, filters: {{entityId: $entityId, createdSince: $since}}, first: 1) {{
    nodes {{ {_EVENT} }}
  }}
}}
"""
_EVENT_NOW = f"query($id: ID!) {{ node(id: $id) {{ ... on WebhookEvent {{ {_EVENT} }} }} }}"
#: The lists in which the newest entity of a type is the last one. The others have none.
_NEWEST: Final[Mapping[WebhookKlass, str]] = {
    WebhookKlass.INVOICE: "{ found: invoices(last: 1) { nodes { id } } }",
    WebhookKlass.VARIANT: "{ found: variantsWhere(last: 1) { nodes { id } } }",
    WebhookKlass.REFUND_REQUEST: "{ found: refundRequests(last: 1) { nodes { id } } }",
    WebhookKlass.ADVERT: "{ found: advertsWhere(last: 1) { nodes { id } } }",
    WebhookKlass.SELLER: "{ found: sellers(last: 1) { nodes { id } } }",
    WebhookKlass.ORDER: '{ found: updatedOrders(updatedSince: "1970-01-01", last: 1) { nodes { id } } }',
}
#: States of an event that is on its way.
_ON_ITS_WAY: Final = ("PENDING", "SENDING")
#: States of an event of which nothing is sent.
_NOT_SENT: Final = ("SKIPPED", "RENDER_FAILED", "CANCELLED", "SUPERSEDED")
_PAUSE_S: Final = 0.2


class Api(Protocol):
    """The API for the caller: over HTTP with a key, or within this process as the operator."""

    async def ask(self, document: str, **variables: object) -> ParsedJson: ...

    async def change(self, mutation: str, selection: str, **values: object) -> ParsedJson: ...


class TriggeredEvent(StrEnum):
    """The kind of event that is sent."""

    UPDATE = "update"
    TEST = "test"


class NothingSent(TellgraphError):
    """No webhook was told. The message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggeredWebhook:
    """One webhook, and what became of the event that it was to be sent.

    Attributes:
        webhook: The webhook as the API shows it.
        event: The webhook event as the API shows it; None: there is none.
        reason: Why there is no event, or why it was not sent; None when it was.
    """

    webhook: Mapping[str, Any]
    event: Mapping[str, Any] | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """Sends one event about one entity.

    Attributes:
        wait_s: Seconds for which the end of each step is waited for.
    """

    api: Api
    klass: WebhookKlass
    event: TriggeredEvent
    wait_s: float

    async def run(self, entity_id: str | None, webhook_id: str | None) -> list[TriggeredWebhook]:
        """Have the caller's webhooks of the type told, or one of them.

        Args:
            entity_id: The entity; None: the newest one.
            webhook_id: The webhook; None: all that the caller has.

        Raises:
            NothingSent: There is no such webhook or entity.
        """
        webhooks = await (self._own() if webhook_id is None else self._named(webhook_id))
        if entity_id is None and self.event is TriggeredEvent.UPDATE:
            entity_id = await self._newest()
        return [await self._tell(webhook, entity_id) for webhook in webhooks]

    async def _named(self, webhook_id: str) -> list[Mapping[str, Any]]:
        node = (await self.api.ask(_FIND, id=webhook_id))["node"]
        if not node:
            raise NothingSent("There is no such webhook, or it is not yours to see.")
        if node["type"] != self.klass:
            raise NothingSent(f"Webhook {node['legacyId']} is about {node['type']}, not about {self.klass}.")
        return [node]

    async def _own(self) -> list[Mapping[str, Any]]:
        found = (await self.api.ask(_WEBHOOKS, types=[self.klass]))["webhooks"]["nodes"]
        if own := [webhook for webhook in found if webhook["seller"] is None]:
            return own
        if found and len((await self.api.ask(_SELLERS))["sellers"]["nodes"]) > 1:
            # An operator sees the webhooks of all sellers, and must not send to theirs by mistake.
            numbers = ", ".join(str(webhook["legacyId"]) for webhook in found)
            raise NothingSent(f"You have no webhook about {self.klass}. For one of a seller: --webhook, of {numbers}.")
        if not found:
            raise NothingSent(
                f"You have no webhook about {self.klass}. `tellgraph listen --type {self.klass.lower()} --query FILE`"
                " makes one for as long as it runs, `webhookCreate` one that stays."
            )
        return list(found)

    async def _newest(self) -> str:
        if self.klass not in _NEWEST:
            raise NothingSent(
                f"Give an ID: there is no list to find the newest {self.klass.entity_type} in. `--event test` finds it."
            )
        nodes = (await self.api.ask(_NEWEST[self.klass]))["found"]["nodes"]
        if not nodes:
            raise NothingSent(f"There is no {self.klass.entity_type} yet.")
        found: str = nodes[0]["id"]
        return found

    async def _tell(self, webhook: Mapping[str, Any], entity_id: str | None) -> TriggeredWebhook:
        if not webhook["enabled"]:
            return TriggeredWebhook(webhook=webhook, event=None, reason="The webhook is disabled: enable it first.")
        try:
            if self.event is TriggeredEvent.TEST:
                event = await self._test(webhook, entity_id)
            else:
                assert entity_id is not None, "the newest was found"
                event = await self._update(webhook, entity_id)
        except NothingSent as error:
            return TriggeredWebhook(webhook=webhook, event=None, reason=error.message)
        ended = await self._settled(event, is_pulled=webhook["delivery"] == "PULL")
        reason = (ended["reason"] or ended["state"]) if ended["state"] in _NOT_SENT else None
        return TriggeredWebhook(webhook=webhook, event=ended, reason=reason)

    async def _test(self, webhook: Mapping[str, Any], entity_id: str | None) -> Mapping[str, Any]:
        given = {"webhookId": webhook["id"], **({} if entity_id is None else {"entityId": entity_id})}
        payload = await self.api.change("webhookTest", f"webhookEvent {{ {_EVENT} }}", **given)
        event: Mapping[str, Any] = payload["webhookEvent"]
        return event

    async def _update(self, webhook: Mapping[str, Any], entity_id: str) -> Mapping[str, Any]:
        """Backfill one entity, as its owner sees it now: through triggers of the queue, filter, order and retries."""
        payload = await self.api.change(
            "webhookBackfill",
            "webhookBackfill { id }",
            webhookId=webhook["id"],
            filters={"ids": [entity_id]},
            force=True,
        )
        backfill = await self._ended(payload["webhookBackfill"]["id"])
        if backfill["state"] == "FAILED":
            raise NothingSent(str(backfill["reason"]))
        if not backfill["total"]:
            raise NothingSent(f"The webhook's owner sees no such {self.klass.entity_type}.")
        since = {"webhookId": webhook["id"], "entityId": entity_id, "since": backfill["createdAt"]}
        nodes = (await self.api.ask(_EVENTS, **since))["webhookEvents"]["nodes"]
        if not nodes:
            raise NothingSent("The event is not kept any more.")
        event: Mapping[str, Any] = nodes[0]
        return event

    async def _ended(self, backfill_id: str) -> Mapping[str, Any]:
        ends_at = time.monotonic() + self.wait_s
        while (backfill := (await self.api.ask(_BACKFILL, id=backfill_id))["node"])["state"] == "RUNNING":
            if time.monotonic() > ends_at:
                await self.api.change("webhookBackfillCancel", "webhookBackfill { id }", webhookBackfillId=backfill_id)
                raise NothingSent(f"No worker has taken it up within {self.wait_s:.0f} s. Does one run?")
            await asyncio.sleep(_PAUSE_S)
        found: Mapping[str, Any] = backfill
        return found

    async def _settled(self, event: Mapping[str, Any], *, is_pulled: bool) -> Mapping[str, Any]:
        """Wait for the first attempt of an event that is POSTed, and return the event."""
        ends_at = time.monotonic() + self.wait_s
        while event["state"] in _ON_ITS_WAY and not is_pulled and time.monotonic() < ends_at:
            await asyncio.sleep(_PAUSE_S)
            event = (await self.api.ask(_EVENT_NOW, id=event["id"]))["node"]
        return event


def were_sent(triggered: Sequence[TriggeredWebhook]) -> bool:
    """Tell whether anything was sent to anybody."""
    return any(one.reason is None for one in triggered)
