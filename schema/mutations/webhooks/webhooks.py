"""webhookCreate, webhookUpdate."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, cast

import strawberry
from databases import Database
from strawberry.scalars import JSON

from app.auth.viewers import Scope, Viewer
from app.db.pool import connection
from app.errors import InvalidInput
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import Webhook as WebhookRow
from app.webhooks.db.webhooks import WebhookId, lock_webhook
from app.webhooks.domain.webhook import DEFAULT_QUERY, WebhookEventName, WebhookKlass
from app.webhooks.services import webhooks
from app.webhooks.services.webhooks import WebhookAttributes
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.webhooks import (
    WebhookEventEnum,
    WebhookKlassEnum,
    WebhookSignatureSchemeEnum,
)
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.stored.check import problem_of
from schema.stored.triggers import check_triggers
from schema.stored.validate import stored_query
from schema.types.webhooks.webhook import Webhook


def _field(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


_URL = "The endpoint: an https URL with a public address. Results are POSTed to it."
_MOVED = "With another scheme, host or port, `headers` must be given again, and signing secrets are made anew."
_TYPE = "The type of entity that the webhook reports. It can't be changed later."
_QUERY = (
    "The query to run for each changed entity: `query($id: ID!){ node(id: $id){ … on Invoice { … } } }`."
    " Blank: only `__typename`, so that no UPDATE is sent."
)
_HMAC_KEY = "`whsec_` and base64 of 24 to 64 bytes"
_TRIGGERS = (
    "Paths of fields below the entity, such as `statusFlags`, `lineItems.quantity`, `shipments`. An UPDATE counts"
    " only if it changes a value of one of them. They need not be in the query. null or empty: every field of the"
    " query."
)
_FILTER = (
    "An expression (CEL) over `event` and the rendered `data`, such as `data.node.totalCents >= 10000`. A result for"
    " which it is false is not sent. At most 2,000 characters. null or blank: everything is sent."
)


@strawberry.input(description="The attributes of a webhook.")
class WebhookAttributesInput:
    event_name: WebhookEventEnum | None = _field(
        "The only kind of change that is sent. `events` names several kinds; give one of the two."
    )
    events: list[WebhookEventEnum] | None = _field(
        "The kinds of change that are sent. By default all three, or CREATE alone for OPERATIONAL_EVENT."
    )
    query_string: str | None = _field(_QUERY)
    headers: JSON | None = _field("Additional headers of each POST, an object of names and values. Stored encrypted.")
    hmac_key: str | None = _field(f"Signing secret, {_HMAC_KEY}; absent: one is generated.")
    signature_schemes: list[WebhookSignatureSchemeEnum] | None = _field(
        "The schemes that sign deliveries. HMAC always signs, also if it is not named. HMAC alone by default."
    )
    description: str | None = _field("A note for yourself.")
    enabled: bool | None = _field("Whether events are sent. True by default.")
    allow_skip: bool | None = _field("Skip a result that equals the last one. True by default.")
    every_change: bool | None = _field(
        "Send each change, also if a newer change of the entity waits. False by default."
    )
    triggers: list[str] | None = _field(_TRIGGERS)
    filter: str | None = _field(_FILTER)
    max_retries: int | None = _field("Retries of a failed delivery, 0 to 50. 25 by default.")
    concurrent_send_limit: int | None = _field("POSTs that may be in flight at once, 1 to 200. 100 by default.")
    rate_limit: int | None = _field(
        "POSTs that may be started per second, 1 to 1,000. After a pause, as many may start at once. null: no limit."
    )
    timeout_seconds: int | None = _field("Seconds that the endpoint may take to answer, 1 to 30. 15 by default.")


@strawberry.input(description="The attributes of a new webhook.")
class WebhookCreateAttributes(WebhookAttributesInput):
    url: str = strawberry.field(description=_URL)
    type: WebhookKlassEnum = strawberry.field(description=_TYPE)
    seller_id: strawberry.ID | None = _field("The seller to register it for; for the operator's keys only.")


@strawberry.input(
    description="The changes. An absent attribute stays as it is. null sets the default of a new webhook; `url`"
    " and `hmacKey` can't be null."
)
class WebhookUpdateAttributes(WebhookAttributesInput):
    url: str | None = _field(f"{_URL} Another one ends a pause. {_MOVED}")
    enabled: bool | None = _field(
        "Whether events are sent. Enabling a webhook sends its held events, and ends a pause and `disabledReason`."
    )
    hmac_key: str | None = _field(
        f"A new signing secret, {_HMAC_KEY}. It replaces all others at once; `webhookSecretRotate` gives you"
        " time to change over."
    )


@strawberry.input(description="Input of webhookCreate.")
class WebhookCreateMutationInput:
    attributes: WebhookCreateAttributes = strawberry.field(description="The attributes of the webhook.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookUpdate.")
class WebhookUpdateMutationInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook to change.")
    attributes: WebhookUpdateAttributes = strawberry.field(description="The changes.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of webhookCreate.")
class WebhookCreateMutationPayload(MutationPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The new webhook; null on errors.")
    hmac_key: str | None = strawberry.field(
        default=None,
        description="The generated signing secret. It is shown this once; null when you gave one yourself.",
    )


@strawberry.type(description="Answer of webhookUpdate.")
class WebhookUpdateMutationPayload(MutationPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The changed webhook; null on errors.")
    hmac_key: str | None = strawberry.field(
        default=None,
        description="The generated signing secret, if there was none or `url` has another origin. Shown this once.",
    )


@strawberry.type
class WebhookMutations:
    @strawberry.field(
        description="Register a webhook: a query, and the endpoint that its result is POSTed to at each change. Needs"
        " the scopes webhooks and read."
    )
    async def webhook_create(
        self,
        info: Info,
        input: Annotated[WebhookCreateMutationInput, strawberry.argument(description="The webhook to register.")],
    ) -> WebhookCreateMutationPayload | None:
        info.context.viewer.require(Scope.READ, reason=_READS)

        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            given = input.attributes
            await info.context.turn()
            seller_id = _seller_id(given.seller_id) or viewer.seller_id
            attributes = _attributes(given, info, given.type, Viewer(seller_id))
            created = await webhooks.create_webhook(
                database,
                viewer,
                info.context.settings,
                klass=given.type,
                seller_id=seller_id,
                attributes={"events": None, "query_string": DEFAULT_QUERY, **attributes},
                filter_problems=await _filter_problems(attributes.get("filter"), info),
            )
            return {"webhook": created.webhook, "hmac_key": created.hmac_key}

        return await run_mutation(info, WebhookCreateMutationPayload, input, create, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Change a webhook. Disabling it holds the events that were not sent yet. Changes apply to events"
            " that are published afterwards. Waiting events keep their payload and are sent to the new `url`. Needs the"
            " scope webhooks, and read for `url` and `queryString`."
        )
    )
    async def webhook_update(
        self,
        info: Info,
        input: Annotated[WebhookUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> WebhookUpdateMutationPayload | None:
        if any(getattr(input.attributes, name) is not strawberry.UNSET for name in _WHAT_IS_SENT_WHERE):
            info.context.viewer.require(Scope.READ, reason=_READS)

        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id = WebhookId(global_ids.key_of(input.webhook_id, "Webhook", field="webhookId"))
            async with connection(database) as conn:
                before = await lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
            _refuse_nulls(input.attributes)
            attributes = _attributes(input.attributes, info, before.type, Viewer(before.seller_id))
            filter_problems = await _filter_problems(attributes.get("filter"), info)
            attributes = {**attributes, **await _soundness(attributes, before, info)}
            updated = await webhooks.update_webhook(
                database,
                viewer,
                info.context.settings,
                webhook_id=webhook_id,
                attributes=attributes,
                filter_problems=filter_problems,
            )
            return {"webhook": updated.webhook, "hmac_key": updated.hmac_key}

        return await run_mutation(info, WebhookUpdateMutationPayload, input, update, scope=Scope.WEBHOOKS)


#: Attributes that decide what is sent, and where to. Whoever sets them can read what the owner sees.
_WHAT_IS_SENT_WHERE = ("url", "query_string")
_READS = "a webhook is sent what its query reads"
#: Attributes that are passed to the service unchanged, by the name in the input.
_PLAIN = {
    "signature_schemes": "signature_schemes",
    "description": "description",
    "enabled": "is_enabled",
    "allow_skip": "allow_skip",
    "every_change": "every_change",
    "max_retries": "max_retries",
    "concurrent_send_limit": "concurrent_send_limit",
    "rate_limit": "rate_limit",
    "timeout_seconds": "timeout_s",
}
#: Attributes without a default, with their names in the schema.
_NEVER_NULL = {"url": "url", "hmac_key": "hmacKey"}


def _attributes(given: WebhookAttributesInput, info: Info, klass: WebhookKlass, owner: Viewer) -> WebhookAttributes:
    """Return the given attributes after those checks that only the schema can make."""
    values: dict[str, Any] = {
        attribute: getattr(given, name)
        for name, attribute in _PLAIN.items()
        if getattr(given, name) is not strawberry.UNSET
    }
    for name in _NEVER_NULL:
        if (value := getattr(given, name)) not in (None, strawberry.UNSET):
            values[name] = value
    if any(names is not strawberry.UNSET for names in (given.event_name, given.events)):
        values["events"] = _events(given)
    if given.headers is not strawberry.UNSET:
        if not isinstance(given.headers, dict | None):
            raise InvalidInput.at("attributes.headers", "must be an object of names and values")
        values["headers"] = given.headers
    if given.query_string is not strawberry.UNSET:
        query = stored_query(
            info.schema._schema, given.query_string or "", klass, max_cost=info.context.settings.max_cost
        )
        values["query_string"] = query.text
    if given.triggers is not strawberry.UNSET:
        values["triggers"] = list(dict.fromkeys(given.triggers or ()))
        if problems := check_triggers(info.schema._schema, owner, klass.entity_type, values["triggers"]):
            raise InvalidInput("The webhook was not saved.", fields=problems)
    if given.filter is not strawberry.UNSET:
        values["filter"] = given.filter if given.filter and given.filter.strip() else None
    return cast(WebhookAttributes, values)


async def _filter_problems(text: str | None, info: Info) -> list[str]:
    """List the problems of a filter. Raises TooSoon if its owner has used up the time for filters."""
    if not text:
        return []
    filters = info.context.filters
    assert filters is not None, "mutations are not run while rendering"
    return await filters.check(text, owner=info.context.viewer.seller_id)


async def _soundness(attributes: WebhookAttributes, before: WebhookRow, info: Info) -> WebhookAttributes:
    """Check whether the webhook is still broken, if an attribute was changed that may have broken it.

    A new filter is not checked here: a wrong one is refused.
    """
    changed: dict[str, Any] = {name: attributes.get(name) for name in ("query_string", "filter") if name in attributes}
    if "triggers" in attributes:
        changed["triggers"] = tuple(attributes["triggers"])
    if not changed:
        return {}
    filter_problems = [] if "filter" in attributes else await _filter_problems(before.filter, info)
    return {"broken_reason": problem_of(info.schema._schema, replace(before, **changed), filter_problems)}


def _refuse_nulls(given: WebhookUpdateAttributes) -> None:
    nulls = [named for name, named in _NEVER_NULL.items() if getattr(given, name) is None]
    if nulls:
        message = "can't be null: leave it out to keep the present one"
        raise InvalidInput("The webhook was not saved.", fields={f"attributes.{name}": [message] for name in nulls})


def _events(given: WebhookAttributesInput) -> list[WebhookEventName] | None:
    """Return the kinds of change that `eventName` or `events` names; None if neither is given."""
    one = given.event_name or None
    several = None if given.events is strawberry.UNSET else given.events
    if one is not None and several is not None:
        raise InvalidInput.at("attributes.eventName", "can't be combined with events")
    if several is not None and not several:
        raise InvalidInput.at("attributes.events", "must name at least one of CREATE, UPDATE, DESTROY")
    return [one] if one is not None else several


def _seller_id(given: str | None) -> SellerId | None:
    if given is None or given is strawberry.UNSET:
        return None
    return SellerId(global_ids.key_of(given, "Seller", field="attributes.sellerId"))
